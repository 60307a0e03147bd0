package stream

import "time"

// A wheel calls streams that have something due: a heartbeat, the end of a
// lifetime, a write deadline. It replaces timers, of which a stream would need
// several. Adding and removing cost a few pointers; due times are rounded down to
// a tick, so that nothing is late by more than the worker is.
//
// It is a timing wheel with one level (Varghese and Lauck, 1987, scheme 4): what
// is due beyond its horizon waits in the last slot and is put back from there.
type wheel struct {
	slots [wheelSlots]*stream
	now   int64 // ticks gone by
}

const (
	wheelTick  = 250 * time.Millisecond
	wheelSlots = 256
)

// add puts a stream in, which must not be in it, to be called at due.
func (w *wheel) add(st *stream, due time.Duration) {
	tick := int64(due / wheelTick)
	tick = min(max(tick, w.now+1), w.now+wheelSlots-1)
	head := &w.slots[tick%wheelSlots]
	st.slot = head
	st.next = *head
	if st.next != nil {
		st.next.prev = st
	}
	*head = st
}

// remove takes a stream out, if it is in.
func (w *wheel) remove(st *stream) {
	if st.slot == nil {
		return
	}
	if st.prev != nil {
		st.prev.next = st.next
	} else {
		*st.slot = st.next
	}
	if st.next != nil {
		st.next.prev = st.prev
	}
	st.slot, st.next, st.prev = nil, nil, nil
}

// advance takes out every stream that is due by now and passes it to call, which
// may add it again.
func (w *wheel) advance(now time.Duration, call func(*stream)) {
	for end := int64(now / wheelTick); w.now < end; {
		w.now++
		head := &w.slots[w.now%wheelSlots]
		for st := *head; st != nil; st = *head {
			w.remove(st)
			call(st)
		}
	}
}
