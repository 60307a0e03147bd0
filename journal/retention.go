package journal

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"
)

// How finely the bounds of the whole log are held on disk: it is dropped in
// buckets of a sixth of MaxAge or an eighth of MaxBytes, whichever is full first.
const (
	bucketsPerAge   = 6
	bucketsPerBytes = 8
)

// unboundedBytes is when a bucket is full in a log without MaxBytes, so that one
// can be set later.
const unboundedBytes = 256 << 20

// full reports whether new events belong in another bucket.
func (x *index) full(s *state, now int64) bool {
	if x.opts.MaxAge >= 0 && now-s.current().opened >= int64(x.opts.MaxAge)/bucketsPerAge {
		return true
	}
	if x.opts.MaxBytes < 0 {
		return s.bytes >= unboundedBytes
	}
	return s.bytes >= x.opts.MaxBytes/bucketsPerBytes
}

// cutoff is the time of events that are too old now.
func (x *index) cutoff(now int64) int64 {
	if x.opts.MaxAge < 0 {
		return -1
	}
	return now - int64(x.opts.MaxAge)
}

// retain takes away the buckets that are too old or too much, but never the one
// that takes new events, and returns them.
func (r *round) retain() (dropped []bucket) {
	s := &r.next
	bytes := s.size()
	for len(s.buckets) > 1 {
		old := s.buckets[0].closed <= r.x.cutoff(r.now)
		if !old && (r.x.opts.MaxBytes < 0 || bytes <= r.x.opts.MaxBytes) {
			break
		}
		if events := s.buckets[1].first - s.buckets[0].first; old {
			r.tooOld += events
		} else {
			r.tooMuch += events
		}
		dropped = append(dropped, s.buckets[0])
		bytes -= s.buckets[0].bytes
		s.buckets = s.buckets[1:]
	}
	return dropped
}

// warm counts an event appended for a token. Tokens share counters: a look too
// many costs a moment.
func (x *index) warm(token hash) {
	if x.opts.MaxEvents < 0 {
		return
	}
	slot := &x.heat[uint16(token[0])<<8|uint16(token[1])]
	if *slot++; *slot > uint32(x.opts.MaxEvents) {
		*slot = 0
		x.hot = append(x.hot, token)
	}
}

// cool drops what hot tokens have too many of, so that reading them stays quick
// until their bucket goes.
func (r *round) cool() error {
	for _, token := range r.x.hot {
		w, err := r.x.look(token)
		if err != nil {
			return err
		}
		if err := r.drop(token, w.dropped, w.floor); err != nil {
			return err
		}
	}
	r.x.hot = r.x.hot[:0]
	return nil
}

// forget drops all that is kept for a token and returns how many events that were.
func (r *round) forget(token hash) (int, error) {
	w, err := r.x.look(token)
	if err != nil || len(w.refs) == 0 {
		return 0, err
	}
	last := w.refs[len(w.refs)-1].seq
	return len(w.refs), r.drop(token, append(w.dropped, w.refs...), max(last, w.floor))
}

// look finds what is kept for a token, and what is there but not kept.
func (x *index) look(token hash) (*window, error) {
	p, err := x.reader(time.Now())
	if err != nil {
		return nil, err
	}
	defer p.close()
	w := &window{max: x.opts.MaxEvents, dropping: true}
	err = p.walk(token, 0, w)
	return w, err
}

// drop deletes events of a token, in runs, and puts up the floor.
func (r *round) drop(token hash, refs []ref, floor uint64) error {
	slices.SortFunc(refs, func(a, b ref) int { return cmp.Compare(a.seq, b.seq) })
	var err error
	for len(refs) > 0 && err == nil {
		n := run(refs)
		first, last := refs[0], refs[n-1]
		start := eventKey(nil, first.bucket, token, first.seq)
		if n == 1 {
			err = r.batch.Delete(start, nil)
		} else {
			err = r.batch.DeleteRange(start, eventKey(nil, last.bucket, token, last.seq+1), nil)
		}
		refs = refs[n:]
	}
	if err != nil || floor == 0 {
		return err
	}
	key := eventKey(nil, r.next.current().number, token, floorSeq)
	return r.batch.Set(key, binary.BigEndian.AppendUint64(nil, floor), nil)
}

// run is how many of the first refs stand side by side.
func run(refs []ref) int {
	n := 1
	for n < len(refs) && refs[n].bucket == refs[0].bucket && refs[n].place == refs[n-1].place+1 {
		n++
	}
	return n
}
