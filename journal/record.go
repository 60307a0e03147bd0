package journal

import (
	"encoding/binary"
	"iter"
	"time"

	"notifier"
)

// A record is what the log in memory knows of an event. It has no pointers: the
// bytes of the event stand in the record's segment, first those of its tokens (each
// after its length; for an event for all the token left out), then its name and its
// data.
type record struct {
	seq  uint64
	time int64 // nanoseconds since 1970
	ttl  time.Duration

	at                 uint32 // where its bytes begin
	tokens, name, data uint32 // bytes of each
	count              uint32 // tokens; none for an event for all

	readers uint32 // lists whose readers get it
	marks   uint32 // lists that have it only to hold their floor
}

// headBytes is the size of a record, without its bytes.
const headBytes = 56

// What an event is taken to cost beside its bytes: its record, a reference in each
// list that it came to, and, once for each token, the list and its map entry. It is
// what the Go runtime allocates, rounded up. Dead bytes, which are about as many as
// the live ones at most, are not counted.
const (
	recordBytes = 96
	refBytes    = 24
	listBytes   = 192
)

// size is what the record is taken to cost.
func (r *record) size() int64 {
	return recordBytes + refBytes*int64(max(r.count, 1)) + int64(r.length())
}

// listSize is what the list of a token is taken to cost.
func listSize(token int) int64 { return listBytes + int64(token) }

// length is how many bytes of the segment are the record's.
func (r *record) length() int { return int(r.tokens) + int(r.name) + int(r.data) }

// grace is how long after it has expired an event may still be needed: by a stream
// that was open when it was published and is slow.
const grace = time.Minute

// worthless is when nobody will read the record any more.
func (r *record) worthless() time.Time { return r.taken().Add(r.ttl).Add(grace) }

func (r *record) taken() time.Time { return time.Unix(0, r.time) }

// gone reports whether no list has the record.
func (r *record) gone() bool { return r.readers == 0 && r.marks == 0 }

// encode appends the bytes of an event to dst, and returns a record without lists
// for them.
func encode(dst []byte, d *notifier.Delivery) (record, []byte) {
	r := record{seq: d.Event.ID.Seq, time: d.Event.Time.UnixNano(), ttl: d.Event.TTL}
	from := len(dst)
	if d.All {
		dst = append(dst, d.Except...)
	} else {
		for _, token := range d.Tokens {
			dst = binary.AppendUvarint(dst, uint64(len(token)))
			dst = append(dst, token...)
		}
		r.count = uint32(len(d.Tokens))
	}
	r.tokens = uint32(len(dst) - from)
	r.name, r.data = uint32(len(d.Event.Name)), uint32(len(d.Event.Data))
	return r, append(append(dst, d.Event.Name...), d.Event.Data...)
}

// decodeTokens yields the tokens that encode has written.
func decodeTokens(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n, size := binary.Uvarint(b)
			end := size + int(n)
			if !yield(b[size:end]) {
				return
			}
			b = b[end:]
		}
	}
}
