package journal

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// probe finds out whether the disk takes as much as opening the journal writes:
// what is in the write-ahead logs, once more, and a little. Trying that with
// Pebble itself would leave the beginnings of tables on a disk that is full.
func probe(dir string, disk vfs.FS) error {
	size, err := logBytes(dir, disk)
	if err != nil {
		return err
	}
	name := disk.PathJoin(dir, "probe")
	f, err := disk.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	block := make([]byte, 64<<10)
	for size += 1 << 20; size > 0 && err == nil; size -= int64(len(block)) {
		_, err = f.Write(block)
	}
	return errors.Join(err, f.Sync(), f.Close(), disk.Remove(name))
}

func logBytes(dir string, disk vfs.FS) (total int64, err error) {
	names, err := disk.List(dir)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if filepath.Ext(name) != ".log" && !strings.HasPrefix(name, walPrefix) {
			continue
		}
		info, err := disk.Stat(disk.PathJoin(dir, name))
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	return total, nil
}
