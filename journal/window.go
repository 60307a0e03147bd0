package journal

import (
	"math"
	"slices"
)

// A ref is an event under a token, without its body.
type ref struct {
	head
	seq    uint64
	bucket uint32
	place  int // among all that was walked over
}

// worthless is when nobody will read the event any more.
func (r *ref) worthless() int64 { return r.time + int64(r.ttl) + int64(grace) }

// A window goes over the events of one token, oldest first, and keeps those that
// the bound on their number leaves: it does to them what [store] does as they are
// published. It may begin anywhere; it knows the floors after that place.
type window struct {
	max      int  // events; negative for no bound
	dropping bool // dropped is asked for

	// Without a bound the window is full when it has enough events, 0 for never,
	// and takes only those that are wanted.
	enough int
	wanted func(*ref) bool

	refs    []ref // kept
	dropped []ref
	floor   uint64
	first   int64 // no ref is worthless before then; only if there are any
}

// full reports whether nothing more can change what the window is asked for, but
// for floors.
func (w *window) full() bool { return w.enough > 0 && len(w.refs) >= w.enough }

func (w *window) push(r ref) {
	if w.full() || w.wanted != nil && !w.wanted(&r) {
		return
	}
	if worthless := r.worthless(); len(w.refs) == 0 || worthless < w.first {
		w.first = worthless
	}
	w.refs = append(w.refs, r)
	if w.max < 0 || len(w.refs) <= w.max || w.dropWorthless(r.time) {
		return
	}
	w.drop(w.refs[0])
	w.floor = max(w.floor, w.refs[0].seq)
	w.refs = w.refs[1:]
}

func (w *window) drop(r ref) {
	if w.dropping {
		w.dropped = append(w.dropped, r)
	}
}

// dropWorthless reports whether anything was worthless at a time.
func (w *window) dropWorthless(now int64) bool {
	if now < w.first {
		return false
	}
	before := len(w.refs)
	w.first = math.MaxInt64
	w.refs = slices.DeleteFunc(w.refs, func(r ref) bool {
		if r.worthless() <= now {
			w.drop(r)
			return true
		}
		w.first = min(w.first, r.worthless())
		return false
	})
	return len(w.refs) < before
}
