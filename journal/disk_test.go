package journal_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"notifier/journal"
	"notifier/journal/logtest"
)

// TestDisk holds the log on disk to what every log must do, also across restarts; in
// short tests that is a disk in memory.
func TestDisk(t *testing.T) {
	var memory *vfs.MemFS
	if testing.Short() {
		memory = vfs.NewMem()
	}
	dirs := map[journal.Log]string{}
	options := map[journal.Log]journal.Options{}
	open := func(t *testing.T, dir string, opts journal.Options) journal.Log {
		log, err := journal.OpenTimeless(dir, opts, memory)
		if err != nil {
			t.Fatal(err)
		}
		dirs[log], options[log] = dir, opts
		return log
	}
	logtest.Run(t, logtest.Suite{
		Open: func(t *testing.T, opts journal.Options) journal.Log {
			return open(t, t.TempDir(), opts)
		},
		Reopen: func(t *testing.T, log journal.Log) journal.Log {
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, dirs[log], options[log])
		},
		FakeClock: true,
		MaxBytes:  1 << 20,
	})
}
