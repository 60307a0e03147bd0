//go:build unix

package node

import "syscall"

// openFiles is how many files the process may open, 0 if that is not known. The Go
// runtime has raised it to the hard limit by now.
func openFiles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Cur > 1<<30 {
		return 0
	}
	return int(limit.Cur)
}
