package journal

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Metrics is what a log holds, and what it has done since it was opened: for an
// operator who watches it.
type Metrics struct {
	Events uint64    // on disk with those that MaxEvents and Forget have taken out
	Bytes  int64     // of them, as MaxBytes counts
	Disk   int64     // bytes of all files; 0 in memory
	Oldest time.Time // about when the oldest event was taken; zero if there is none

	TooOld  uint64 // events dropped for MaxAge
	TooMuch uint64 // events dropped for MaxBytes

	Batches Histogram // events made durable together
	Syncs   Histogram // how long that took, in nanoseconds; empty in memory
}

// Measured is implemented by logs that can tell what they do. Metrics may be called
// concurrently, but not for every event: on disk it asks what all files take.
type Measured interface {
	Metrics() Metrics
}

// A Histogram counts values in buckets, each of which ends at twice the end of the
// one before.
type Histogram struct {
	Counts [buckets + 1]uint64 // the last is for all that is larger
	Sum    int64
	first  int64
}

const (
	buckets     = 18
	firstOfSync = int64(50 * time.Microsecond) // to 6.5 s
)

// Bound is where a bucket but the last ends, itself included.
func (h *Histogram) Bound(bucket int) int64 { return h.first << bucket }

// A histogram is a [Histogram] that is being made.
type histogram struct {
	counts [buckets + 1]atomic.Uint64
	sum    atomic.Int64
}

func (h *histogram) add(value, first int64) {
	h.sum.Add(value)
	h.counts[min(bits.Len64(uint64(max(value-1, 0)/first)), buckets)].Add(1)
}

func (h *histogram) read(first int64) Histogram {
	r := Histogram{Sum: h.sum.Load(), first: first}
	for i := range h.counts {
		r.Counts[i] = h.counts[i].Load()
	}
	return r
}

// A meter counts what a log does.
type meter struct {
	batches, syncs  histogram
	tooOld, tooMuch atomic.Uint64
}

func (m *meter) batch(events int) {
	if events > 0 {
		m.batches.add(int64(events), 1)
	}
}

func (m *meter) synced(d time.Duration) { m.syncs.add(int64(d), firstOfSync) }

func (m *meter) dropped(tooOld, tooMuch uint64) {
	m.tooOld.Add(tooOld)
	m.tooMuch.Add(tooMuch)
}

func (m *meter) metrics() Metrics {
	return Metrics{
		TooOld:  m.tooOld.Load(),
		TooMuch: m.tooMuch.Load(),
		Batches: m.batches.read(1),
		Syncs:   m.syncs.read(firstOfSync),
	}
}

func (m *memory) Metrics() Metrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.meter.metrics()
	s.Events, s.Bytes = m.store.events, m.store.bytes
	if _, r := m.store.segments.oldest(); r != nil {
		s.Oldest = r.taken()
	}
	return s
}

func (l *durable) Metrics() Metrics {
	s := l.x.meter.metrics()
	if db := l.x.state.Load(); db.last >= db.buckets[0].first {
		s.Events = db.last - db.buckets[0].first + 1
		s.Oldest = time.Unix(0, db.buckets[0].opened)
		s.Bytes = db.size()
	}
	l.x.mu.RLock()
	defer l.x.mu.RUnlock()
	if l.x.db != nil {
		s.Disk = int64(l.x.db.Metrics().DiskSpaceUsage()) + l.x.wal.held.Load()
	}
	return s
}
