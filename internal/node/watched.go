package node

import (
	"log/slog"
	"os"
	"sync"
	"time"
)

// A watched value is read from files, and read again when one of them has changed:
// renewing a certificate, or taking a key away, needs no restart. Files that are
// broken, or that change one after the other, leave the last good value in use.
type watched[T any] struct {
	what string // it is, for the log
	log  *slog.Logger

	mu     sync.Mutex
	now    reading[T]
	looked time.Time // when the files were last looked at
	failed string    // what was wrong with them then
}

// A reading is a value and how it was read.
type reading[T any] struct {
	value   T
	files   []string
	changed time.Time // the last of them, before they were read
	read    func() (T, error)
}

// lookEvery is how often files are looked at, when somebody asks for what is in them.
const lookEvery = time.Second

// readFrom reads a value from the files that read reads.
func readFrom[T any](read func() (T, error), files ...string) (r reading[T], err error) {
	r = reading[T]{files: files, read: read}
	if r.changed, err = lastChange(files); err == nil {
		r.value, err = read()
	}
	return r, err
}

// take replaces the value, and where it is read from.
func (w *watched[T]) take(r reading[T]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now, w.failed = r, ""
}

// get is the value as the files have it, but for the last second.
func (w *watched[T]) get() T {
	w.mu.Lock()
	defer w.mu.Unlock()
	if now := time.Now(); now.Sub(w.looked) >= lookEvery {
		w.looked = now
		w.look()
	}
	return w.now.value
}

// look reads the files if one has changed. That they are broken is said once.
func (w *watched[T]) look() {
	changed, err := lastChange(w.now.files)
	if err == nil && changed.Equal(w.now.changed) {
		return
	}
	var r reading[T]
	if err == nil {
		r, err = readFrom(w.now.read, w.now.files...)
	}
	switch {
	case err == nil:
		w.now, w.failed = r, ""
		w.log.Info("files have changed and were read again", "for", w.what)
	case err.Error() != w.failed:
		w.failed = err.Error()
		w.log.Warn("files have changed and cannot be used: what was in them still holds", "for", w.what, "err", err)
	}
}

// lastChange is the latest modification of any of the files.
func lastChange(files []string) (last time.Time, err error) {
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return last, err
		}
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last, nil
}
