package journal

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"notifier"
)

// A reader sees the index as it is at one moment. It holds tables and memtables
// back, so it must be closed soon.
type reader struct {
	x    *index
	now  int64
	head uint64 // events after it are not acknowledged yet
	it   *pebble.Iterator
	body *pebble.Iterator // nil until a wide event is read
	st   *state
}

// reader returns a reader. The index is not closed or swapped until it is.
func (x *index) reader(now time.Time) (*reader, error) {
	x.mu.RLock()
	if x.db == nil {
		x.mu.RUnlock()
		return nil, errClosed
	}
	// The order matters. What is appended after head was read is left for the next
	// page; a bucket that is dropped after the iterator was made is still seen, but
	// one that was dropped before must not be taken for an empty one.
	head := x.state.Load().last
	it, err := x.db.NewIter(nil)
	if err != nil {
		x.mu.RUnlock()
		return nil, err
	}
	return &reader{x: x, now: now.UnixNano(), head: head, it: it, st: x.state.Load()}, nil
}

func (p *reader) close() {
	p.it.Close()
	if p.body != nil {
		p.body.Close()
	}
	p.x.mu.RUnlock()
}

// page answers a query; see [Log.Replay].
func (p *reader) page(q notifier.Query) (notifier.Page, error) {
	origin := p.x.origin()
	page := notifier.Page{Start: q.After, Next: origin.At(p.head)}
	s := p.selection(q)
	if !q.After.IsZero() && q.After.Epoch != origin.Epoch {
		s.after = 0 // says nothing here: read from the beginning
	}
	future := s.after > p.head
	if future {
		s.after = 0
	}
	if err := s.walk(); err != nil {
		return page, err
	}
	switch after := q.After; {
	case after.IsZero():
	case after.Epoch != origin.Epoch:
		page.Gap, page.Start = notifier.GapUnknown, origin.At(s.floor)
	case future:
		page.Gap, page.Start = notifier.GapUnknown, page.Next
	case after.Seq < s.floor:
		page.Gap, page.Start = notifier.GapExpired, origin.At(s.floor)
	}
	if page.Gap != notifier.GapNone {
		oldest, err := p.oldest(q, s)
		if err != nil {
			return page, err
		}
		page.Oldest = oldest
	}
	if future {
		return page, nil
	}
	var err error
	if page.Events, page.More, err = s.read(cmp.Or(q.Limit, pageEvents), cmp.Or(q.Bytes, pageBytes)); page.More {
		page.Next = page.Events[len(page.Events)-1].ID
	}
	return page, err
}

// oldest is the first event kept for a query's tokens, the zero ID for none.
func (p *reader) oldest(q notifier.Query, s *selection) (notifier.ID, error) {
	if s.after > 0 || !q.Since.IsZero() {
		q.Since = time.Time{}
		s = p.selection(q)
		s.after = 0
		if err := s.walk(); err != nil {
			return notifier.ID{}, err
		}
	}
	if len(s.picks) == 0 {
		return notifier.ID{}, nil
	}
	return p.x.origin().At(s.picks[0].seq), nil
}

// walk pushes the events of a token after a position into a window.
func (p *reader) walk(token hash, after uint64, w *window) error {
	var key [eventKeyLen]byte
	cutoff := p.x.cutoff(p.now)
	w.floor = p.st.floor(cutoff)
	place := 0
	for _, b := range p.st.from(after) {
		start := eventKey(key[:0], b.number, token, after+1)
		for ok := p.it.SeekPrefixGE(start); ok; ok = p.it.Next() {
			seq := seqOf(p.it.Key())
			value, err := p.it.ValueAndErr()
			if err != nil {
				return err
			}
			place++
			if seq == floorSeq {
				w.floor = max(w.floor, decodeFloor(value))
				continue
			}
			head, _, err := decodeHead(value)
			switch {
			case err != nil:
				return fmt.Errorf("event %d: %w", seq, err)
			case seq > p.head:
			case head.time <= cutoff:
				w.floor = max(w.floor, seq)
			default:
				w.push(ref{head: head, seq: seq, bucket: b.number, place: place})
			}
		}
		if err := p.it.Error(); err != nil {
			return err
		}
	}
	return nil
}

func decodeFloor(value []byte) uint64 {
	if len(value) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(value)
}

// A selection is the events of a query's tokens that the query asks for.
type selection struct {
	p      *reader
	q      notifier.Query
	after  uint64
	tokens []hash // of the query, and the one for all
	floor  uint64
	picks  []pick
}

// A pick is an event selected, and the token under which to read it.
type pick struct {
	ref
	token hash
}

func (p *reader) selection(q notifier.Query) *selection {
	return &selection{p: p, q: q, after: q.After.Seq, tokens: append(p.x.hash.tokens(q.Tokens), allToken)}
}

// walk finds the events and the floor that concerns them.
func (s *selection) walk() error {
	for _, token := range s.tokens {
		w := window{max: s.p.x.opts.MaxEvents}
		if err := s.p.walk(token, s.after, &w); err != nil {
			return err
		}
		s.floor = max(s.floor, w.floor)
		for _, r := range w.refs {
			if s.wanted(&r) {
				s.picks = append(s.picks, pick{r, token})
			}
		}
	}
	slices.SortStableFunc(s.picks, func(a, b pick) int { return cmp.Compare(a.seq, b.seq) })
	s.picks = slices.CompactFunc(s.picks, func(a, b pick) bool { return a.seq == b.seq })
	return nil
}

func (s *selection) wanted(r *ref) bool {
	switch {
	case r.seq <= s.q.Live && s.p.now >= r.time+int64(r.ttl),
		!s.q.Since.IsZero() && r.time < s.q.Since.UnixNano(),
		r.except != allToken && slices.Contains(s.tokens, r.except):
		return false
	}
	return true
}

// read reads what fits a page, and reports whether there is more.
func (s *selection) read(limit, bytes int) (events []notifier.Event, more bool, err error) {
	fit := len(s.picks)
	for i, pick := range s.picks {
		if i > 0 && (i == limit || bytes < pick.size) {
			fit, more = i, true
			break
		}
		bytes -= pick.size
	}
	if fit == 0 {
		return nil, false, nil
	}
	events = make([]notifier.Event, fit)
	for _, token := range s.tokens {
		for i, pick := range s.picks[:fit] {
			if pick.token != token {
				continue
			}
			if events[i], err = s.p.event(pick); err != nil {
				return nil, false, err
			}
		}
	}
	return events, more, nil
}

// event reads an event. Called for those of one token in order it moves on from
// one to the next.
func (p *reader) event(pick pick) (ev notifier.Event, err error) {
	var room [eventKeyLen]byte
	key := eventKey(room[:0], pick.bucket, pick.token, pick.seq)
	value, err := p.get(p.it, key)
	if err != nil {
		return ev, err
	}
	_, body, err := decodeHead(value)
	if err != nil {
		return ev, err
	}
	if pick.wide {
		if body, err = p.wideBody(pick); err != nil {
			return ev, err
		}
	}
	return decodeEvent(p.x.origin().At(pick.seq), pick.head, body)
}

func (p *reader) wideBody(pick pick) (body []byte, err error) {
	if p.body == nil {
		if p.body, err = p.it.Clone(pebble.CloneOptions{}); err != nil {
			return nil, err
		}
	}
	return p.get(p.body, bodyKey(nil, pick.bucket, pick.seq))
}

// get returns the value of a key that is there.
func (p *reader) get(it *pebble.Iterator, key []byte) ([]byte, error) {
	next := it.Valid() && it.Next()
	if (!next || string(it.Key()) != string(key)) && !it.SeekPrefixGE(key) || string(it.Key()) != string(key) {
		return nil, errors.Join(it.Error(), fmt.Errorf("event %d: %w", seqOf(key), errCorrupt))
	}
	return it.ValueAndErr()
}
