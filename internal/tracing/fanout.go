package tracing

import (
	"sync"
	"time"
)

// A fanOut is how the hub was told of a batch: events up to last, in order.
type fanOut struct {
	last         uint64
	events       int
	began, ended time.Time
}

// fanOuts remembers the last batches for those who appended them: the journal tells
// the hub of several calls at once, and answers them right afterwards.
type fanOuts struct {
	mu   sync.Mutex
	ring [1024]fanOut
	next int
}

func (f *fanOuts) add(b fanOut) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ring[f.next] = b
	f.next = (f.next + 1) % len(f.ring)
}

// of returns the batch that an event was in, if it is remembered.
func (f *fanOuts) of(seq uint64) (fanOut, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for back := range f.ring {
		b := f.ring[(f.next-1-back+len(f.ring))%len(f.ring)]
		first := b.last - uint64(b.events) + 1
		if b.events == 0 || b.last < seq {
			return fanOut{}, false
		}
		if first <= seq {
			return b, true
		}
	}
	return fanOut{}, false
}
