package journal

import (
	"github.com/cockroachdb/pebble/v2"
)

// OpenTimeless opens a journal whose Pebble has no timers, so that years can pass
// in a synctest bubble.
func OpenTimeless(dir string, opts Options) (Log, error) {
	return Disk{Options: opts, tune: timeless}.Open(dir)
}

func timeless(opts *pebble.Options) {
	opts.Experimental.CompactionScheduler = pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()
}
