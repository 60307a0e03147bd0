package journal

import (
	"slices"
	"sort"

	"notifier"
)

// A segment is records in id order and their bytes. These two arrays are all that
// the garbage collector sees of thousands of events, and it looks into neither.
//
// Bytes are appended and never changed, so readers are given slices of them.
type segment struct {
	first   uint64 // seq of the first record
	records []record
	bytes   []byte
	head    int // records before it are gone
	dead    int // bytes of records that are gone, or without use otherwise
}

// used is how many bytes the segment has taken, dead ones too.
func (g *segment) used() int { return len(g.records)*headBytes + len(g.bytes) }

// add appends a record with its bytes.
func (g *segment) add(r record, bytes []byte) {
	if len(g.records) == 0 {
		g.first = r.seq
	}
	r.at = uint32(len(g.bytes))
	g.bytes = append(g.bytes, bytes...)
	g.records = append(g.records, r)
}

// addLive appends what is kept of a later segment.
func (g *segment) addLive(from *segment) {
	for i := from.head; i < len(from.records); i++ {
		if r := &from.records[i]; !r.gone() {
			g.add(*r, from.slice(r.at, r.length()))
		}
	}
}

// compacted returns a copy of what is kept.
func (g *segment) compacted() *segment {
	live := 0
	for i := range g.records {
		if r := &g.records[i]; !r.gone() {
			live++
		}
	}
	c := &segment{
		records: make([]record, 0, live),
		bytes:   make([]byte, 0, g.used()-g.dead-live*headBytes),
	}
	c.addLive(g)
	return c
}

// find returns the record of an event that is kept. Where none is missing it stands
// in its place.
func (g *segment) find(seq uint64) *record {
	i := int(min(seq-g.first, uint64(len(g.records)-1)))
	if g.records[i].seq != seq {
		i = sort.Search(i, func(i int) bool { return g.records[i].seq >= seq })
	}
	return &g.records[i]
}

func (g *segment) slice(at uint32, n int) []byte {
	end := int(at) + n
	return g.bytes[at:end:end]
}

func (g *segment) tokens(r *record) []byte { return g.slice(r.at, int(r.tokens)) }

// event returns the event of a record, with the segment's own bytes.
func (g *segment) event(r *record, origin notifier.ID) notifier.Event {
	name := r.at + r.tokens
	return notifier.Event{
		ID:   origin.At(r.seq),
		Time: r.taken(),
		TTL:  r.ttl,
		Name: string(g.slice(name, int(r.name))),
		Data: g.slice(name+r.name, int(r.data)),
	}
}

// segmentBytes is when a segment is full. A larger event has one of its own.
const segmentBytes = 256 << 10

// segments are the records that are kept, in id order, and some that are gone: of
// each segment but the first and the last at most half. The first goes as a whole
// before long, the last is still being written.
type segments struct {
	full int // bytes of a segment
	list []*segment
}

// add appends a record with its bytes.
func (s *segments) add(r record, bytes []byte) {
	last := len(s.list) - 1
	if last >= 0 && s.list[last].used()+headBytes+len(bytes) <= s.full {
		s.list[last].add(r, bytes)
		return
	}
	g := s.next(len(bytes))
	g.add(r, bytes)
	s.list = append(s.list, g)
	s.compact(last)
}

// next returns an empty segment. It has room for as much as the one before it; the
// very first one grows with what comes.
func (s *segments) next(bytes int) *segment {
	if len(s.list) == 0 || bytes > s.full {
		return &segment{}
	}
	last := s.list[len(s.list)-1]
	return &segment{
		records: make([]record, 0, len(last.records)),
		bytes:   make([]byte, 0, min(len(last.bytes), s.full)),
	}
}

// oldest returns the first record and its segment, nil if there is none.
func (s *segments) oldest() (*segment, *record) {
	if len(s.list) == 0 {
		return nil, nil
	}
	g := s.list[0]
	for g.records[g.head].gone() {
		g.head++
	}
	return g, &g.records[g.head]
}

// find returns the record of an event that is kept, and the place of its segment.
func (s *segments) find(seq uint64) (int, *record) {
	i := sort.Search(len(s.list), func(i int) bool { return s.list[i].first > seq }) - 1
	return i, s.list[i].find(seq)
}

// free notes that bytes of a segment are dead. Pointers to records are invalid
// afterwards.
func (s *segments) free(i, bytes int) {
	g := s.list[i]
	if g.dead += bytes; g.dead == g.used() {
		s.list = slices.Delete(s.list, i, i+1)
	} else {
		s.compact(i)
	}
}

// compact copies what is kept of a segment that is mostly dead, and joins it with
// its neighbours if they have become so small.
func (s *segments) compact(i int) {
	if i <= 0 || i >= len(s.list)-1 || 2*s.list[i].dead <= s.list[i].used() {
		return
	}
	s.list[i] = s.list[i].compacted()
	s.join(i)
	s.join(i - 1)
}

// join makes one segment of two that fit.
func (s *segments) join(i int) {
	g, next := s.list[i], s.list[i+1]
	if g.used()+next.used()-next.dead <= s.full {
		g.addLive(next)
		s.list = slices.Delete(s.list, i+1, i+2)
	}
}
