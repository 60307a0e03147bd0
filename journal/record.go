package journal

import (
	"slices"
	"time"

	"notifier"
)

// A record is an event in memory. It is in the log's list and in the lists of its
// tokens, or in the one for all; refs counts the latter.
type record struct {
	event      notifier.Event
	tokens     []string
	except     string
	refs       int
	prev, next *record
}

// What a record is taken to cost beside its data: the structure itself, and for
// each token a reference, the token's text and a share of the token's list and map
// entry. It is what the Go runtime allocates, rounded up.
const (
	recordBytes = 256
	tokenBytes  = 192
)

func (r *record) size() int64 {
	n := recordBytes + tokenBytes*len(r.tokens) + len(r.event.Data) + len(r.event.Name)
	for _, t := range r.tokens {
		n += len(t)
	}
	return int64(n)
}

// A list is the events of one token, or for all, in id order.
type list struct {
	records []*record // from head on
	head    int
	short   int    // those among them that expire before MaxAge
	floor   uint64 // events up to here may have been dropped
}

func (l *list) len() int { return len(l.records) - l.head }

func (l *list) first() *record {
	if l.len() == 0 {
		return nil
	}
	return l.records[l.head]
}

func (l *list) push(r *record) {
	if len(l.records) == cap(l.records) && l.head >= len(l.records)/2 {
		n := copy(l.records, l.records[l.head:])
		clear(l.records[n:])
		l.records, l.head = l.records[:n], 0
	}
	l.records = append(l.records, r)
}

// shift drops the first record. Unless its ttl has run out, readers must know.
func (l *list) shift(maxAge time.Duration) *record {
	r := l.records[l.head]
	l.records[l.head] = nil
	if l.head++; l.head == len(l.records) {
		l.records, l.head = nil, 0
	}
	if maxAge < 0 || r.event.TTL < maxAge {
		l.short--
	}
	if !r.event.Expired(time.Now()) {
		l.floor = r.event.ID.Seq
	}
	return r
}

// filter drops the records that are not to keep and returns them.
func (l *list) filter(keep func(*record) bool) (dropped []*record) {
	rest := l.records[l.head:l.head]
	for _, r := range l.records[l.head:] {
		if keep(r) {
			rest = append(rest, r)
		} else {
			dropped = append(dropped, r)
		}
	}
	clear(l.records[l.head+len(rest):])
	l.records = l.records[:l.head+len(rest)]
	return dropped
}

// after returns the records after a position.
func (l *list) after(seq uint64) []*record {
	records := l.records[l.head:]
	i, _ := slices.BinarySearchFunc(records, seq+1, func(r *record, seq uint64) int {
		switch {
		case r.event.ID.Seq < seq:
			return -1
		case r.event.ID.Seq > seq:
			return 1
		}
		return 0
	})
	return records[i:]
}
