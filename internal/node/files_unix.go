//go:build unix

package node

import (
	"os"
	"syscall"
)

// openFiles is how many files the process may open, 0 if that is not known. The Go
// runtime has raised it to the hard limit by now.
func openFiles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Cur > 1<<30 {
		return 0
	}
	return int(limit.Cur)
}

// usedFiles is how many files the process has open, 0 if that is not known. It reads
// a directory with a name for each.
func usedFiles() int {
	dir, err := os.Open("/dev/fd")
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // what there is counts
	return len(names)
}
