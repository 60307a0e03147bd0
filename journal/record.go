package journal

import (
	"time"

	"notifier"
)

// A record is an event in memory, with whom it is for.
type record struct {
	notifier.Delivery
	forgotten  bool // only marks a floor: see store.forget
	lists      int  // that have it
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
	n := recordBytes + tokenBytes*len(r.Tokens) + len(r.Event.Data) + len(r.Event.Name)
	for _, t := range r.Tokens {
		n += len(t)
	}
	return int64(n)
}

// grace is how long after it has expired an event may still be needed: by a stream
// that was open when it was published and is slow.
const grace = time.Minute

// worthless is when nobody will read the record any more.
func (r *record) worthless() time.Time { return r.Event.Time.Add(r.Event.TTL).Add(grace) }
