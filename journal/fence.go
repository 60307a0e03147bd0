package journal

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A fence stands between one opening of Pebble and the disk. The first operation
// that fails closes it: from then on nothing reaches the disk, as if the process
// had crashed at that moment, and what is there can be opened again.
//
// Pebble is not told of the failure. It would panic on a write-ahead log that it
// cannot write, and retry a failed flush for ever; as it is, it goes on answering
// reads from what it has, and can be closed. Whoever writes asks the fence whether
// that was for nothing.
//
// Tables are the exception: Pebble reads them again, so a table that is not whole
// must be an error. A flush that is retried finds no place to write to until the
// fence is abandoned, and waits.
type fence struct {
	vfs.FS
	scratch vfs.FS        // where files are made that never reach the disk
	down    chan struct{} // closed on the first failure
	held    chan struct{} // closed when nobody reads any more

	mu      sync.RWMutex // held by every operation; written to change what follows
	err     error
	serving bool // opened, and not abandoned
}

func newFence(disk vfs.FS) *fence {
	return &fence{FS: disk, scratch: vfs.NewMem(), down: make(chan struct{}), held: make(chan struct{})}
}

// Err is the failure that closed the fence, nil while it is open.
func (f *fence) Err() error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.err
}

// serve is called when Pebble is open, abandon before it is closed.
func (f *fence) serve() {
	f.mu.Lock()
	f.serving = true
	f.mu.Unlock()
}

func (f *fence) abandon() {
	f.mu.Lock()
	f.serving = false
	f.mu.Unlock()
	close(f.held)
}

// fail closes the fence. It returns when no operation is under way any more.
func (f *fence) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
		close(f.down)
	}
}

// do runs an operation that changes the disk, or pretends to. It returns an error
// only for a table.
func (f *fence) do(table bool, op func() error) error {
	f.mu.RLock()
	if f.err != nil {
		defer f.mu.RUnlock()
		return f.hidden(table)
	}
	err := op()
	f.mu.RUnlock()
	if err == nil {
		return nil
	}
	f.fail(err)
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.hidden(table)
}

// hidden is what Pebble is told instead of the failure. While it opens nobody
// reads, and a failed flush would keep it from ever returning.
func (f *fence) hidden(table bool) error {
	if table && f.serving {
		return f.err
	}
	return nil
}

// create makes a file, or one that is not on the disk.
func (f *fence) create(name string, op func() (vfs.File, error)) (vfs.File, error) {
	table := isTable(name)
	var file vfs.File
	err := f.do(table, func() (err error) {
		file, err = op()
		return err
	})
	if file == nil {
		if err != nil {
			<-f.held
		}
		if file, err = f.scratch.Create(f.PathBase(name), vfs.WriteCategoryUnspecified); err != nil {
			return nil, err
		}
	}
	return &fencedFile{File: file, fence: f, table: table}, nil
}

func isTable(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob")
}

func (f *fence) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.create(name, func() (vfs.File, error) { return f.FS.Create(name, category) })
}

func (f *fence) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return f.create(name, func() (vfs.File, error) { return f.FS.OpenReadWrite(name, category, opts...) })
}

func (f *fence) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return f.create(newname, func() (vfs.File, error) { return f.FS.ReuseForWrite(oldname, newname, category) })
}

func (f *fence) OpenDir(name string) (vfs.File, error) {
	dir, err := f.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &fencedFile{File: dir, fence: f}, nil
}

// syncDir makes the names in a directory durable.
func (f *fence) syncDir(name string) error {
	dir, err := f.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (f *fence) Link(oldname, newname string) error {
	return f.do(isTable(newname), func() error { return f.FS.Link(oldname, newname) })
}

// Remove tells of a file that does not exist: Pebble removes some to be sure.
func (f *fence) Remove(name string) (err error) {
	f.do(false, func() error {
		if err = f.FS.Remove(name); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (f *fence) RemoveAll(name string) error {
	return f.do(false, func() error { return f.FS.RemoveAll(name) })
}

func (f *fence) Rename(oldname, newname string) error {
	return f.do(false, func() error { return f.FS.Rename(oldname, newname) })
}

func (f *fence) MkdirAll(dir string, perm os.FileMode) error {
	return f.do(false, func() error { return f.FS.MkdirAll(dir, perm) })
}

// Lock does nothing: the journal holds the lock for longer than one opening.
func (f *fence) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// A fencedFile is a file that is written to.
type fencedFile struct {
	vfs.File
	fence *fence
	table bool
}

func (f *fencedFile) Write(p []byte) (int, error) {
	return len(p), f.fence.do(f.table, func() error { _, err := f.File.Write(p); return err })
}

func (f *fencedFile) WriteAt(p []byte, offset int64) (int, error) {
	return len(p), f.fence.do(f.table, func() error { _, err := f.File.WriteAt(p, offset); return err })
}

func (f *fencedFile) Sync() error { return f.fence.do(f.table, f.File.Sync) }

func (f *fencedFile) SyncData() error { return f.fence.do(f.table, f.File.SyncData) }

// append is Write and SyncData by other means.
func (f *fencedFile) append(b []byte, by *appender, alone bool) error {
	return f.fence.do(f.table, func() error { return by.append(f.File, b, alone) })
}

// reserve makes a file so many bytes long, and has the disk set them aside: what is
// written to them is then all that syncing has to write. File systems in memory
// have nothing to gain.
func (f *fencedFile) reserve(size int64) {
	if f.Fd() == vfs.InvalidFd {
		return
	}
	f.Preallocate(0, size)
	f.WriteAt([]byte{0}, size-1) // the fence has its error
}

func (f *fencedFile) SyncTo(length int64) (full bool, err error) {
	err = f.fence.do(f.table, func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}

// Preallocate is an attempt: file systems need not be able to.
func (f *fencedFile) Preallocate(offset, length int64) error {
	if f.fence.Err() != nil {
		return nil
	}
	return f.File.Preallocate(offset, length)
}

func (f *fencedFile) Close() error {
	if err := f.File.Close(); err != nil {
		f.fence.fail(err)
	}
	return nil
}
