package journal

import (
	"strings"
	"time"

	"notifier"
)

// A store is the events that are kept and what is known of those that are not. It
// holds the bounds of age, count and bytes; callers lock.
type store struct {
	opts     Options
	origin   notifier.ID
	tokens   map[string]*list // none is empty
	all      list
	segments segments
	encoded  []byte // by add, for the next one to use again
	bytes    int64
	events   uint64 // but for those that only hold a floor
	floor    uint64 // events up to here have been dropped, whatever their tokens
}

// add takes in the newest event. A token's bound holds at once, those of the whole
// store with the next trim.
func (s *store) add(d *notifier.Delivery) {
	if !d.All && len(d.Tokens) == 0 {
		return // nobody will read it
	}
	var r record
	r, s.encoded = encode(s.encoded[:0], d)
	r.readers = max(r.count, 1)
	s.segments.add(r, s.encoded)
	if len(s.encoded) > segmentBytes {
		s.encoded = nil // such are rare
	}
	s.bytes += r.size()
	s.events++
	if d.All {
		s.push(&s.all, &r)
		return
	}
	for _, token := range d.Tokens {
		l := s.tokens[token]
		if l == nil {
			l = &list{}
			s.tokens[strings.Clone(token)] = l // not the whole that it is a part of
			s.bytes += listSize(len(token))
		}
		s.push(l, &r)
	}
}

// push appends the newest event to a list. In one that is full, what nobody will
// read makes room before anything that is kept.
func (s *store) push(l *list, r *record) {
	l.push(r.seq, r.worthless())
	if s.opts.MaxEvents < 0 || l.len() <= s.opts.MaxEvents {
		return
	}
	if !s.dropWorthless(l, r.taken()) {
		s.release(l.shift())
	}
}

// dropWorthless drops the worthless events of a list. The floor stays: nobody
// misses them. It reports whether there were any, and looks at the events only if
// there may be.
func (s *store) dropWorthless(l *list, now time.Time) bool {
	if now.Before(l.worthless) {
		return false
	}
	before := l.seqs[l.head:]
	l.seqs, l.head = nil, 0
	for _, seq := range before {
		_, r := s.segments.find(seq)
		if worthless := r.worthless(); now.Before(worthless) {
			l.push(seq, worthless)
		} else {
			s.release(seq, l.marked(seq))
		}
	}
	return l.len() < len(before)
}

// release is for an event that one list has dropped, or had as a mark only; the
// last one drops it from the store.
func (s *store) release(seq uint64, mark bool) {
	i, r := s.segments.find(seq)
	if mark {
		r.marks--
	} else {
		r.readers--
	}
	switch {
	case r.gone():
		s.remove(i, r, !mark)
	case r.readers == 0 && !mark:
		s.strip(i, r)
	}
}

// remove drops an event from the store: no list has it any more. It was read until
// now, or has been a mark.
func (s *store) remove(i int, r *record, read bool) {
	if read {
		s.events--
	}
	s.bytes -= r.size()
	s.segments.free(i, headBytes+r.length())
}

// strip drops all of an event but what a mark needs.
func (s *store) strip(i int, r *record) {
	s.events--
	body := int(r.name) + int(r.data)
	r.name, r.data = 0, 0
	s.bytes -= int64(body)
	s.segments.free(i, body)
}

// trim holds the bounds of age and bytes, and returns how many events that cost.
func (s *store) trim(now time.Time) (tooOld, tooMuch uint64) {
	for g, r := s.segments.oldest(); r != nil; g, r = s.segments.oldest() {
		old := s.opts.MaxAge >= 0 && now.Sub(r.taken()) >= s.opts.MaxAge
		if !old && (s.opts.MaxBytes < 0 || s.bytes <= s.opts.MaxBytes) {
			return tooOld, tooMuch
		}
		switch {
		case r.readers == 0:
		case old:
			tooOld++
		default:
			tooMuch++
		}
		s.drop(g, r)
	}
	return tooOld, tooMuch
}

// drop removes the oldest event, g is its segment: no list has one before it.
func (s *store) drop(g *segment, r *record) {
	s.floor = r.seq
	if s.all.first() == r.seq {
		s.all.shift()
	}
	if r.count > 0 {
		for token := range decodeTokens(g.tokens(r)) {
			s.dropFirst(token, r.seq)
		}
	}
	read := r.readers > 0
	r.readers, r.marks = 0, 0
	s.remove(0, r, read)
}

// dropFirst removes an event from the list of a token, if it is there.
func (s *store) dropFirst(token []byte, seq uint64) {
	l := s.tokens[string(token)]
	if l == nil || l.first() != seq {
		return
	}
	if l.shift(); l.len() == 0 {
		delete(s.tokens, string(token))
		s.bytes -= listSize(len(token))
	}
}

// forget drops a token's events and returns how many. The last one stays as a mark:
// it holds the list, and with it the floor, for as long as the log would have held
// the event.
func (s *store) forget(token string) (n int) {
	l := s.tokens[token]
	if l == nil {
		return 0
	}
	for l.len() > 1 {
		seq, mark := l.shift()
		if s.release(seq, mark); !mark {
			n++
		}
	}
	last := l.first()
	if l.marked(last) {
		return 0
	}
	l.floor = last
	_, r := s.segments.find(last)
	r.marks++
	s.release(last, false)
	return n + 1
}

// floorOf is the position before which events of the tokens may be missing.
func (s *store) floorOf(tokens []string) uint64 {
	floor := max(s.floor, s.all.floor)
	for _, t := range tokens {
		if l := s.tokens[t]; l != nil {
			floor = max(floor, l.floor)
		}
	}
	return floor
}
