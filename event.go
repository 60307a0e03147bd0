package notifier

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// An Event is one published message as a journal keeps it. It is immutable and
// shared: nobody may change the bytes of Data.
type Event struct {
	ID ID
	// Time is when the journal took the event.
	Time time.Time
	// TTL is how long after Time the event is replayed; 0 is for live streams only.
	TTL time.Duration
	// Name is the SSE event name, "" for none.
	Name string
	// Data is one line of compact JSON, {"entityType":…,"data":…}.
	Data []byte
}

// Expired reports whether the event is no longer replayed at the instant now.
func (e *Event) Expired(now time.Time) bool { return !now.Before(e.Time.Add(e.TTL)) }

// A Publication is what a publisher asks a journal to append: valid, but without
// an id yet.
type Publication struct {
	// Tokens are the distinct stream keys it is for; empty if All.
	Tokens []string
	// All sends it to every stream, and to every stream that resumes across it.
	All bool
	// Except is, with All, the one stream key that is left out; "" for none.
	Except string
	// Name, Data and TTL are those of the event.
	Name string
	Data []byte
	TTL  time.Duration
	// Key makes the publication idempotent: a journal appends it once within its
	// idempotency window. "" for none.
	Key string
}

// Digest identifies what is published, its Key apart: two publications with one
// key and different digests are a conflict.
//
// It is the SHA-256 of every field, each preceded by its length.
func (p *Publication) Digest() [sha256.Size]byte {
	var b []byte
	field := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.AppendUvarint(b, uint64(len(p.Tokens)))
	for _, t := range p.Tokens {
		field(t)
	}
	if p.All {
		b = append(b, 1)
	}
	field(p.Except)
	field(p.Name)
	field(string(p.Data))
	b = binary.AppendVarint(b, int64(p.TTL))
	return sha256.Sum256(b)
}

// An Ack is a journal's answer for one publication.
type Ack struct {
	// ID is the event's, also when it is a duplicate.
	ID ID
	// Duplicate says that the publication's key was known: nothing was appended.
	Duplicate bool
	// Err is why this publication alone was not taken ([ErrConflict]), nil otherwise.
	Err error
}

// A Delivery is an appended event together with whom it is for.
type Delivery struct {
	Event  Event
	Tokens []string
	All    bool
	Except string
}
