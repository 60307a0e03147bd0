package journal

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"notifier"
)

// Bounds of a page whose query names none.
const (
	pageEvents = 1000
	pageBytes  = 1 << 20
)

func (m *memory) Replay(ctx context.Context, q notifier.Query) (notifier.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refuse(ctx); err != nil {
		return notifier.Page{}, err
	}
	now := time.Now()
	m.meter.dropped(m.store.trim(now))
	page := m.begin(q)
	if page.Gap != notifier.GapNone {
		first := notifier.Query{Tokens: q.Tokens, Live: q.Live, Limit: 1}
		if kept, _ := m.store.read(first, now); len(kept) > 0 {
			page.Oldest = kept[0].ID
		}
	}
	if q.After.Epoch != m.origin.Epoch {
		q.After = notifier.ID{} // says nothing here: read from the beginning
	}
	if page.Events, page.More = m.store.read(q, now); page.More {
		page.Next = page.Events[len(page.Events)-1].ID
	}
	return page, nil
}

// begin finds whether the log can vouch for what follows the reader's position.
func (m *memory) begin(q notifier.Query) notifier.Page {
	page := notifier.Page{Start: q.After, Next: m.origin.At(m.seq)}
	floor := m.store.floorOf(q.Tokens)
	switch after := q.After; {
	case after.IsZero():
	case after.Epoch != m.origin.Epoch:
		page.Gap, page.Start = notifier.GapUnknown, m.origin.At(floor)
	case after.Seq > m.seq:
		page.Gap, page.Start = notifier.GapUnknown, page.Next
	case after.Seq < floor:
		page.Gap, page.Start = notifier.GapExpired, m.origin.At(floor)
	}
	return page
}

// read merges the lists of the query's tokens, and the one for all, after a
// position. It reports whether there is more than fits the page.
func (s *store) read(q notifier.Query, now time.Time) (events []notifier.Event, more bool) {
	limit, bytes := cmp.Or(q.Limit, pageEvents), cmp.Or(q.Bytes, pageBytes)
	sources := s.sources(q.Tokens, q.After.Seq)
	for seq := next(sources); seq != 0; seq = next(sources) {
		i, r := s.segments.find(seq)
		g := s.segments.list[i]
		if !g.wanted(r, q, now) {
			continue
		}
		size := int(r.data)
		if len(events) > 0 && (len(events) == limit || bytes < size) {
			return events, true
		}
		bytes -= size
		events = append(events, g.event(r, s.origin))
	}
	return events, false
}

// wanted reports whether a query among whose lists the record is asks for it.
func (g *segment) wanted(r *record, q notifier.Query, now time.Time) bool {
	switch taken := r.taken(); {
	case r.seq <= q.Live && !now.Before(taken.Add(r.ttl)),
		taken.Before(q.Since),
		r.count == 0 && r.tokens > 0 && slices.Contains(q.Tokens, string(g.tokens(r))):
		return false
	}
	return true
}

// sources are the lists of a query from a position on.
func (s *store) sources(tokens []string, after uint64) [][]uint64 {
	sources := make([][]uint64, 0, len(tokens)+1)
	sources = append(sources, s.all.after(after))
	for _, t := range tokens {
		if l := s.tokens[t]; l != nil {
			sources = append(sources, l.after(after))
		}
	}
	return sources
}

// next takes the lowest event off the sources, off each that has it; 0 for none.
func next(sources [][]uint64) uint64 {
	lowest := uint64(math.MaxUint64)
	for _, s := range sources {
		if len(s) > 0 {
			lowest = min(lowest, s[0])
		}
	}
	if lowest == math.MaxUint64 {
		return 0
	}
	for i, s := range sources {
		if len(s) > 0 && s[0] == lowest {
			sources[i] = s[1:]
		}
	}
	return lowest
}
