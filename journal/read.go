package journal

import (
	"bytes"
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
	it, err := x.view().NewIter(nil)
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

// replay answers a query; see [Log.Replay].
func (x *index) replay(q notifier.Query) (notifier.Page, error) {
	p, err := x.reader(time.Now())
	if err != nil {
		return notifier.Page{}, err
	}
	defer p.close()
	page, err := p.page(q)
	if err != nil {
		return notifier.Page{}, err
	}
	return page, nil
}

// page finds what a page follows, and then reads it.
func (p *reader) page(q notifier.Query) (notifier.Page, error) {
	future := q.After.Epoch == p.x.identity.epoch && q.After.Seq > p.head
	s := p.selection(q)
	if future || q.After.Epoch != p.x.identity.epoch {
		s.after = 0 // says nothing here: read from the beginning
	}
	if err := s.walk(); err != nil {
		return notifier.Page{}, err
	}
	page := p.begin(q.After, s.floor)
	var err error
	if page.Gap != notifier.GapNone {
		if page.Oldest, err = p.oldest(s); err != nil {
			return page, err
		}
	}
	if future {
		return page, nil
	}
	if page.Events, page.More, err = s.read(); page.More {
		page.Next = page.Events[len(page.Events)-1].ID
	}
	return page, err
}

// begin tells whether the log can vouch for what follows a position.
func (p *reader) begin(after notifier.ID, floor uint64) notifier.Page {
	origin := p.x.origin()
	page := notifier.Page{Start: after, Next: origin.At(p.head)}
	switch {
	case after.IsZero():
	case after.Epoch != origin.Epoch:
		page.Gap, page.Start = notifier.GapUnknown, origin.At(floor)
	case after.Seq > p.head:
		page.Gap, page.Start = notifier.GapUnknown, page.Next
	case after.Seq < floor:
		page.Gap, page.Start = notifier.GapExpired, origin.At(floor)
	}
	return page
}

// oldest is the first event kept for the tokens of a selection, the zero ID for
// none.
func (p *reader) oldest(s *selection) (notifier.ID, error) {
	if s.after > 0 || !s.q.Since.IsZero() {
		q := s.q
		q.Since, q.After, q.Limit = time.Time{}, notifier.ID{}, 1
		s = p.selection(q)
		if err := s.walk(); err != nil {
			return notifier.ID{}, err
		}
	}
	if len(s.picks) == 0 {
		return notifier.ID{}, nil
	}
	return p.x.origin().At(s.picks[0].seq), nil
}

// walk pushes the events of a token after a position into a window: those of each
// bucket, and the floor that stands behind them.
func (p *reader) walk(token hash, after uint64, w *window) error {
	w.floor = p.st.floor(p.x.cutoff(p.now))
	for _, b := range p.st.from(after) {
		if err := p.walkBucket(b.number, token, after, w); err != nil {
			return err
		}
	}
	return nil
}

func (p *reader) walkBucket(bucket uint32, token hash, after uint64, w *window) error {
	var room, floorRoom [eventKeyLen]byte
	start, floor := eventKey(room[:0], bucket, token, after+1), eventKey(floorRoom[:0], bucket, token, floorSeq)
	ok := p.it.SeekPrefixGE(start)
	for place := 0; ok; place++ {
		value, err := p.it.ValueAndErr()
		if err != nil {
			return err
		}
		seq := seqOf(p.it.Key())
		if seq == floorSeq {
			w.floor = max(w.floor, decodeFloor(value))
			return nil
		}
		head, _, err := decodeHead(value)
		if err != nil {
			return fmt.Errorf("event %d: %w", seq, err)
		}
		if seq <= p.head {
			p.push(w, ref{head: head, seq: seq, bucket: bucket, place: place})
		}
		if w.full() {
			ok = p.it.SeekPrefixGE(floor)
		} else {
			ok = p.it.Next()
		}
	}
	return p.it.Error()
}

// push puts an event into a window if it is not too old.
func (p *reader) push(w *window, r ref) {
	if r.time <= p.x.cutoff(p.now) {
		w.floor = max(w.floor, r.seq)
	} else {
		w.push(r)
	}
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
	limit  int
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
	return &selection{
		p: p, q: q,
		after:  q.After.Seq,
		limit:  cmp.Or(q.Limit, pageEvents),
		tokens: append(p.x.hash.tokens(q.Tokens), allToken),
	}
}

// walk finds the events and the floor that concerns them.
func (s *selection) walk() error {
	for _, token := range s.tokens {
		w := window{max: s.p.x.opts.MaxEvents}
		if w.max < 0 {
			w.enough, w.wanted = s.limit+1, s.wanted
		}
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
func (s *selection) read() (events []notifier.Event, more bool, err error) {
	fit := s.fit()
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
	return events, fit < len(s.picks), nil
}

// fit is how many events fit a page.
func (s *selection) fit() int {
	bytes := cmp.Or(s.q.Bytes, pageBytes)
	for i, pick := range s.picks {
		if i > 0 && (i == s.limit || bytes < pick.size) {
			return i
		}
		bytes -= pick.size
	}
	return len(s.picks)
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

// get returns the value of a key that is there, and is next if things go well.
func (p *reader) get(it *pebble.Iterator, key []byte) ([]byte, error) {
	at := func(ok bool) bool { return ok && bytes.Equal(it.Key(), key) }
	if !at(it.Valid() && it.Next()) && !at(it.SeekPrefixGE(key)) {
		return nil, errors.Join(it.Error(), fmt.Errorf("event %d: %w", seqOf(key), errCorrupt))
	}
	return it.ValueAndErr()
}
