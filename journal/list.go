package journal

import (
	"sort"
	"time"
)

// A list is the records of one token, or those for all, in id order.
type list struct {
	records   []*record // from head on
	head      int
	floor     uint64    // records up to here may have been dropped
	worthless time.Time // no record is before then; only if there are any
}

func (l *list) len() int { return len(l.records) - l.head }

func (l *list) first() *record {
	if l.len() == 0 {
		return nil
	}
	return l.records[l.head]
}

func (l *list) last() *record { return l.records[len(l.records)-1] }

func (l *list) push(r *record) {
	if w := r.worthless(); l.len() == 0 || w.Before(l.worthless) {
		l.worthless = w
	}
	if len(l.records) == cap(l.records) {
		l.resize()
	}
	l.records = append(l.records, r)
}

// shift drops the first record and raises the floor: readers before it must know.
func (l *list) shift() *record {
	r := l.records[l.head]
	l.records[l.head] = nil
	l.head++
	l.floor = r.Event.ID.Seq
	if 4*l.len() < cap(l.records) {
		l.resize()
	}
	return r
}

// resize moves the records to an array with room for as many again. Half of them
// come or go before the next move, so it costs little, and a list that was long
// once does not keep its memory.
func (l *list) resize() {
	l.records = append(make([]*record, 0, 2*l.len()+1), l.records[l.head:]...)
	l.head = 0
}

// dropWorthless drops the worthless records and hands each to gone. The floor
// stays: nobody misses them. It reports whether there were any, and looks at the
// records only if there may be.
func (l *list) dropWorthless(now time.Time, gone func(*record)) bool {
	if now.Before(l.worthless) {
		return false
	}
	before := l.records[l.head:]
	l.records, l.head = nil, 0
	for _, r := range before {
		if now.Before(r.worthless()) {
			l.push(r)
		} else {
			gone(r)
		}
	}
	return l.len() < len(before)
}

// after returns the records after a position.
func (l *list) after(seq uint64) []*record {
	records := l.records[l.head:]
	i := sort.Search(len(records), func(i int) bool { return records[i].Event.ID.Seq > seq })
	return records[i:]
}
