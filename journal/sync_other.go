//go:build !linux || !(amd64 || arm64)

package journal

import "github.com/cockroachdb/pebble/v2/vfs"

// A syncer makes the system call; see the one for Linux.
type syncer struct{}

func (*syncer) sync(f vfs.File) error { return f.SyncData() }

func (*syncer) close() {}
