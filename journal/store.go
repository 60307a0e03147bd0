package journal

import "time"

// A store is the records that are kept and what is known of those that are not.
// It holds the bounds of age, count and bytes; callers lock.
type store struct {
	opts   Options
	tokens map[string]*list // none is empty
	all    list
	oldest *record // all records in id order
	newest *record
	bytes  int64
	events uint64 // but for the records that hold a floor
	floor  uint64 // records up to here have been dropped, whatever their tokens
}

// add takes in the newest record. A token's bound holds at once, those of the
// whole store with the next trim.
func (s *store) add(r *record) {
	s.insert(r, s.newest)
	if r.All {
		s.push(&s.all, r)
		return
	}
	for _, token := range r.Tokens {
		l := s.tokens[token]
		if l == nil {
			l = &list{}
			s.tokens[token] = l
		}
		s.push(l, r)
	}
}

// push appends a record to a list. In one that is full, what nobody will read
// makes room before anything that is kept.
func (s *store) push(l *list, r *record) {
	l.push(r)
	r.lists++
	if s.opts.MaxEvents < 0 || l.len() <= s.opts.MaxEvents {
		return
	}
	if !l.dropWorthless(r.Event.Time, s.release) {
		s.release(l.shift())
	}
}

// trim holds the bounds of age and bytes, and returns how many events that cost.
func (s *store) trim(now time.Time) (tooOld, tooMuch uint64) {
	for r := s.oldest; r != nil; r = s.oldest {
		old := s.opts.MaxAge >= 0 && now.Sub(r.Event.Time) >= s.opts.MaxAge
		if !old && (s.opts.MaxBytes < 0 || s.bytes <= s.opts.MaxBytes) {
			return tooOld, tooMuch
		}
		switch {
		case r.forgotten:
		case old:
			tooOld++
		default:
			tooMuch++
		}
		s.drop(r)
	}
	return tooOld, tooMuch
}

// drop removes the oldest record: no list has one before it.
func (s *store) drop(r *record) {
	s.floor = r.Event.ID.Seq
	if s.all.first() == r {
		s.all.shift()
	}
	for _, token := range r.Tokens {
		l := s.tokens[token]
		if l == nil || l.first() != r {
			continue
		}
		if l.shift(); l.len() == 0 {
			delete(s.tokens, token)
		}
	}
	s.unlink(r)
}

// forget drops a token's records and returns how many. In the place of the last
// one it leaves a record that nobody reads: it holds the list, and with it the
// floor, for as long as the log would have held the event.
func (s *store) forget(token string) (n int) {
	l := s.tokens[token]
	if l == nil {
		return 0
	}
	mark := &record{forgotten: true, lists: 1}
	mark.Event.ID, mark.Event.Time = l.last().Event.ID, l.last().Event.Time
	mark.Tokens = []string{token}
	s.insert(mark, l.last())
	for l.len() > 0 {
		r := l.shift()
		if !r.forgotten {
			n++
		}
		s.release(r)
	}
	l.push(mark)
	return n
}

// release is for a record that one list has dropped; the last one drops it from
// the store.
func (s *store) release(r *record) {
	if r.lists--; r.lists == 0 {
		s.unlink(r)
	}
}

// insert puts a record behind another, nil if there is none.
func (s *store) insert(r, prev *record) {
	r.prev = prev
	if prev != nil {
		r.next, prev.next = prev.next, r
	} else {
		s.oldest = r
	}
	if r.next != nil {
		r.next.prev = r
	} else {
		s.newest = r
	}
	s.bytes += r.size()
	if !r.forgotten {
		s.events++
	}
}

func (s *store) unlink(r *record) {
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		s.oldest = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		s.newest = r.prev
	}
	r.prev, r.next = nil, nil
	s.bytes -= r.size()
	if !r.forgotten {
		s.events--
	}
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
