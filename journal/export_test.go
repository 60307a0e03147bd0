package journal

import (
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// OpenTimeless opens a journal whose Pebble has no timers, so that years can pass
// in a synctest bubble. Its file system is in memory, or the real one for nil.
func OpenTimeless(dir string, opts Options, memory *vfs.MemFS) (Log, error) {
	d := Disk{Options: opts, tune: timeless}
	if memory != nil {
		d.fs = memory
	}
	return d.Open(dir)
}

func timeless(opts *pebble.Options) {
	opts.Experimental.CompactionScheduler = pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()
}
