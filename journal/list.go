package journal

import (
	"sort"
	"time"
)

// A list is the events of one token, or those for all, in id order.
//
// One that stands at the floor itself has been forgotten: nobody reads it, it holds
// the list, and with it the floor. It is the first one then.
type list struct {
	seqs      []uint64 // from head on
	head      int
	floor     uint64    // events up to here may have been dropped
	worthless time.Time // no event is before then; only if there are any
}

func (l *list) len() int { return len(l.seqs) - l.head }

// first is 0 if there is none.
func (l *list) first() uint64 {
	if l.len() == 0 {
		return 0
	}
	return l.seqs[l.head]
}

// marked reports whether an event only holds the floor.
func (l *list) marked(seq uint64) bool { return seq == l.floor }

func (l *list) push(seq uint64, worthless time.Time) {
	if l.len() == 0 || worthless.Before(l.worthless) {
		l.worthless = worthless
	}
	if len(l.seqs) == cap(l.seqs) {
		l.resize()
	}
	l.seqs = append(l.seqs, seq)
}

// shift drops the first event and raises the floor: readers before it must know. It
// returns the event, and whether it was a mark.
func (l *list) shift() (seq uint64, mark bool) {
	seq = l.seqs[l.head]
	mark = l.marked(seq)
	l.head++
	l.floor = seq
	if 4*l.len() < cap(l.seqs) {
		l.resize()
	}
	return seq, mark
}

// resize moves the events to an array with room for as many again. Half of them
// come or go before the next move, so it costs little, and a list that was long
// once does not keep its memory.
func (l *list) resize() {
	l.seqs = append(make([]uint64, 0, 2*l.len()+1), l.seqs[l.head:]...)
	l.head = 0
}

// after returns the events after a position, but for what was forgotten.
func (l *list) after(seq uint64) []uint64 {
	seq = max(seq, l.floor)
	seqs := l.seqs[l.head:]
	return seqs[sort.Search(len(seqs), func(i int) bool { return seqs[i] > seq }):]
}
