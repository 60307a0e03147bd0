//go:build linux

package main

import "sync/atomic"

// ledger holds which stream was given which message. Messages are numbered from 0
// in the order in which they are sent. note is for the pool's goroutine; the
// counts are for others when the pool is closed, got and left at any time.
type ledger struct {
	streams, messages int
	// only is the one stream that a message is for; nil if all are.
	only func(seq uint32) int
	// measured tells whether a message's delay counts; nil if all do.
	measured func(m marker) bool
	// done is told when a message has reached every stream it is for.
	done func(seq uint32, now int64)
	// unordered says that messages in flight at once may overtake each other.
	unordered atomic.Bool

	got  atomic.Int64 // deliveries, each once
	left []atomic.Int32

	seen   []uint64 // a bit for each delivery that is due
	last   []int64  // by stream: the last message's number and 1
	delays []int64  // ns since the message was due

	doubled, misrouted, disordered int64
}

func newLedger(streams, messages int, only func(uint32) int) *ledger {
	l := &ledger{streams: streams, messages: messages, only: only,
		left: make([]atomic.Int32, messages), last: make([]int64, streams)}
	each := streams
	if only != nil {
		each = 1
	}
	for i := range l.left {
		l.left[i].Store(int32(each))
	}
	l.seen = make([]uint64, (messages*each+63)/64)
	l.delays = make([]int64, 0, min(messages*each, 1<<24))
	return l
}

// note takes down that stream was given m at now.
func (l *ledger) note(stream int, m marker, now int64) {
	if int(m.seq) >= l.messages || l.only != nil && l.only(m.seq) != stream {
		l.misrouted++
		return
	}
	at := int(m.seq)
	if l.only == nil {
		at = at*l.streams + stream
	}
	bit := uint64(1) << (at & 63)
	if l.seen[at>>6]&bit != 0 {
		l.doubled++
		return
	}
	l.seen[at>>6] |= bit
	if int64(m.seq) < l.last[stream]-1 && !l.unordered.Load() {
		l.disordered++
	}
	l.last[stream] = max(l.last[stream], int64(m.seq)+1)
	if l.measured == nil || l.measured(m) {
		l.delays = append(l.delays, now-m.ns)
	}
	l.got.Add(1)
	if l.left[m.seq].Add(-1) == 0 && l.done != nil {
		l.done(m.seq, now)
	}
}

// delivered is how many deliveries of the messages from, from+1, … to-1 there were.
func (l *ledger) delivered(from, to uint32) (n int) {
	each := 1
	if l.only == nil {
		each = l.streams
	}
	for s := from; s < to; s++ {
		n += each - int(l.left[s].Load())
	}
	return n
}

func (l *ledger) put(res result) {
	res["doubled"], res["misrouted"], res["out_of_order"] = l.doubled, l.misrouted, l.disordered
}
