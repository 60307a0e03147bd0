package journal

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// A state is what the index knows beside the events: how far they go, and which
// buckets hold them. It is immutable once readers can see it.
type state struct {
	last       uint64 // event
	lastTime   int64  // its time; nanoseconds since 1970, like all times here
	bytes      int64  // in the last bucket
	buckets    []bucket
	generation uint32 // of idempotency keys
	genOpened  int64
	round      uint64 // the last one in it
}

// A bucket is the events from first on, up to the next bucket.
type bucket struct {
	number uint32
	first  uint64
	opened int64
	closed int64 // time of its last event; not of the last bucket
	bytes  int64 // not of the last bucket
}

func newState(now time.Time) *state {
	t := now.UnixNano()
	return &state{
		buckets:    []bucket{{number: 1, first: 1, opened: t}},
		generation: 1,
		genOpened:  t,
	}
}

// floor is the last event that is known to be too old, or has been dropped. Of a
// bucket that is not over yet it knows nothing: whoever reads the events of a token
// there sees for himself.
func (s *state) floor(cutoff int64) uint64 {
	floor := s.buckets[0].first - 1
	for i, b := range s.buckets[1:] {
		if s.buckets[i].closed <= cutoff {
			floor = b.first - 1
		}
	}
	if s.lastTime <= cutoff {
		floor = s.last
	}
	return floor
}

// size is how many bytes the events take.
func (s *state) size() int64 {
	size := s.bytes
	for _, b := range s.buckets {
		size += b.bytes
	}
	return size
}

// current is the bucket that takes new events.
func (s *state) current() *bucket { return &s.buckets[len(s.buckets)-1] }

// from returns the buckets that may hold events after a position.
func (s *state) from(after uint64) []bucket {
	for i := len(s.buckets) - 1; i > 0; i-- {
		if s.buckets[i].first <= after+1 {
			return s.buckets[i:]
		}
	}
	return s.buckets
}

const (
	stateLen1 = 8 + 8 + 8 + 4 + 8 // in format 1
	stateLen  = stateLen1 + 8
	bucketLen = 8 + 8 + 8 + 8
)

func (s *state) encode() []byte {
	b := make([]byte, 0, stateLen)
	b = binary.BigEndian.AppendUint64(b, s.last)
	b = binary.BigEndian.AppendUint64(b, uint64(s.lastTime))
	b = binary.BigEndian.AppendUint64(b, uint64(s.bytes))
	b = binary.BigEndian.AppendUint32(b, s.generation)
	b = binary.BigEndian.AppendUint64(b, uint64(s.genOpened))
	return binary.BigEndian.AppendUint64(b, s.round)
}

func (b *bucket) encode() []byte {
	v := make([]byte, 0, bucketLen)
	v = binary.BigEndian.AppendUint64(v, b.first)
	v = binary.BigEndian.AppendUint64(v, uint64(b.opened))
	v = binary.BigEndian.AppendUint64(v, uint64(b.closed))
	return binary.BigEndian.AppendUint64(v, uint64(b.bytes))
}

func decodeBucket(key, v []byte) (bucket, error) {
	if len(key) != 1+4 || len(v) != bucketLen {
		return bucket{}, fmt.Errorf("bucket: %w", errCorrupt)
	}
	return bucket{
		number: binary.BigEndian.Uint32(key[1:]),
		first:  binary.BigEndian.Uint64(v),
		opened: int64(binary.BigEndian.Uint64(v[8:])),
		closed: int64(binary.BigEndian.Uint64(v[16:])),
		bytes:  int64(binary.BigEndian.Uint64(v[24:])),
	}, nil
}

// loadState reads the state of a journal.
func loadState(db pebble.Reader) (*state, error) {
	v, closer, err := db.Get(stateKey)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	if len(v) == stateLen1 {
		v = append(v[:len(v):len(v)], make([]byte, stateLen-stateLen1)...)
	}
	if len(v) != stateLen {
		return nil, fmt.Errorf("state: %w", errCorrupt)
	}
	s := &state{
		last:       binary.BigEndian.Uint64(v),
		lastTime:   int64(binary.BigEndian.Uint64(v[8:])),
		bytes:      int64(binary.BigEndian.Uint64(v[16:])),
		generation: binary.BigEndian.Uint32(v[24:]),
		genOpened:  int64(binary.BigEndian.Uint64(v[28:])),
		round:      binary.BigEndian.Uint64(v[36:]),
	}
	s.buckets, err = loadBuckets(db)
	return s, err
}

func loadBuckets(db pebble.Reader) (buckets []bucket, err error) {
	it, err := db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{kindBucket}, UpperBound: []byte{kindBucket + 1},
	})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		b, err := decodeBucket(it.Key(), it.Value())
		if err != nil {
			return nil, err
		}
		buckets = append(buckets, b)
	}
	if len(buckets) == 0 && it.Error() == nil {
		return nil, fmt.Errorf("no buckets: %w", errCorrupt)
	}
	return buckets, it.Error()
}

// put writes the state, and those of its buckets that have changed.
func (s *state) put(b *pebble.Batch, changed ...*bucket) error {
	for _, c := range changed {
		if err := b.Set(bucketKey(c.number), c.encode(), nil); err != nil {
			return err
		}
	}
	return b.Set(stateKey, s.encode(), nil)
}
