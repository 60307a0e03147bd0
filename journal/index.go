package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"notifier"
)

// An index is the events on disk: rounds of changes are applied to it, one at a
// time and each as a whole, and pages are read from it by anybody. It does not
// decide on the order of events, and knows nothing of who waits for them.
type index struct {
	dir  string
	disk vfs.FS
	opts Options
	log  *slog.Logger
	size int64                 // of the cache
	tune func(*pebble.Options) // nil for no more options

	identity identity
	hash     *hasher

	mu    sync.RWMutex // held by readers of db; written to change it
	db    *pebble.DB   // nil once closed
	fence *fence
	state atomic.Pointer[state]
	ahead *pebble.Batch // what the write-ahead log has and db has not; only if db is read-only
	wal   *wal

	swept chan struct{} // has room for one: there is something to sweep
	meter meter

	// What follows belongs to whoever applies rounds.
	heat    [1 << 16]uint32 // appended since a look at a token, by its hash
	hot     []hash          // to look at
	unpaced int64           // bytes since a look at Pebble's backlog
}

// failed is why nothing can be written, nil if it can.
func (x *index) failed() error { return x.fence.Err() }

// origin is the position before the first event.
func (x *index) origin() notifier.ID { return notifier.ID{Epoch: x.identity.epoch} }

// How Pebble is set up. The write-ahead log and memtables are small enough to be
// replayed in a moment after a crash, large enough that tables are few.
const (
	memtableBytes = 16 << 20
	blockBytes    = 16 << 10
	bloomBits     = 10
	maxMemtables  = 3
	maxL0         = 20
)

func (x *index) options(f *fence) *pebble.Options {
	logger := pebbleLogger{x.log, f}
	opts := &pebble.Options{
		FS:                    f,
		DisableWAL:            true, // there is our own
		Comparer:              comparer,
		FormatMajorVersion:    pebbleFormat,
		CacheSize:             x.size + maxMemtables*memtableBytes,
		MemTableSize:          memtableBytes,
		L0CompactionThreshold: 2,
		Logger:                logger,
		// Pebble must never wait for a flush that may have failed: see pace.
		MemTableStopWritesThreshold: maxMemtables + 2,
		L0StopWritesThreshold:       1000,
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { logger.Errorf("background work: %v", err) },
			DataCorruption:  func(info pebble.DataCorruptionInfo) { logger.Errorf("%v", info) },
		},
	}
	opts.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	for i := range opts.Levels {
		opts.Levels[i].BlockSize = blockBytes
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
	}
	if x.tune != nil {
		x.tune(opts)
	}
	return opts
}

// A pebbleLogger neither ends the process nor hides why Pebble would.
type pebbleLogger struct {
	log   *slog.Logger
	fence *fence
}

func (l pebbleLogger) Infof(string, ...any) {}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("journal storage", "error", fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Fatalf(format string, args ...any) {
	l.Errorf(format, args...)
	l.fence.fail(fmt.Errorf(format, args...))
}

// pace waits while Pebble has more unfinished flushes and compactions than is good
// for readers. Pebble would wait itself, but not end waiting when the disk fails.
func (x *index) pace(bytes int64) {
	if x.unpaced += bytes; x.unpaced < 1<<20 {
		return
	}
	x.unpaced = 0
	for x.failed() == nil {
		m := x.db.Metrics()
		if m.MemTable.Size <= maxMemtables*memtableBytes && m.Levels[0].Sublevels <= maxL0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// sweepSoon wakes whoever sweeps.
func (x *index) sweepSoon() {
	select {
	case x.swept <- struct{}{}:
	default:
	}
}

// sweep gives the space of dropped buckets and generations back.
func (x *index) sweep(ctx context.Context) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.db == nil {
		return nil
	}
	s := x.state.Load()
	err := x.excise(ctx, dataStart(0), dataStart(s.buckets[0].number))
	if s.generation < 2 {
		return err
	}
	return errors.Join(err, x.excise(ctx, keysStart(0), keysStart(s.generation-1)))
}

// excise drops a range of keys that nobody writes to any more, and their files.
func (x *index) excise(ctx context.Context, start, end []byte) error {
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return err
	}
	any := it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil || !any {
		return err
	}
	// Excise would wait for a flush, and not end waiting when the disk fails.
	flushed, err := x.db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
	case <-x.fence.down:
		return x.fence.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
	return x.db.Excise(ctx, pebble.KeyRange{Start: start, End: end})
}
