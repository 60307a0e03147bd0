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
	if err := ctx.Err(); err != nil {
		return notifier.Page{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return notifier.Page{}, errClosed
	}
	now := time.Now()
	m.trim(now)
	page := m.begin(q)
	if page.Start.Seq == m.seq {
		page.Next = page.Start
		return page, nil
	}
	m.fill(&page, q, now)
	return page, nil
}

// begin finds where a page starts and whether that follows the reader's position.
func (m *memory) begin(q notifier.Query) (page notifier.Page) {
	floor := m.floorOf(q.Tokens)
	switch after := q.After; {
	case after.IsZero():
		return page
	case after.Epoch != m.origin.Epoch:
		page.Gap, page.Start = notifier.GapUnknown, m.origin.At(floor)
	case after.Seq > m.seq:
		page.Gap, page.Start = notifier.GapUnknown, m.origin.At(m.seq)
	case after.Seq < floor:
		page.Gap, page.Start = notifier.GapExpired, m.origin.At(floor)
	default:
		page.Start = after
		return page
	}
	oldest := q
	oldest.After, oldest.Since, oldest.Limit = notifier.ID{}, time.Time{}, 1
	var first notifier.Page
	if m.fill(&first, oldest, time.Now()); len(first.Events) > 0 {
		page.Oldest = first.Events[0].ID
	}
	return page
}

// floorOf is the position below which events of the tokens may be missing.
func (m *memory) floorOf(tokens []string) uint64 {
	floor := max(m.floor, m.all.floor)
	for _, t := range tokens {
		if l := m.tokens[t]; l != nil {
			floor = max(floor, l.floor)
		}
	}
	return floor
}

// fill merges the lists of the query's tokens, and the one for all, after the
// page's start.
func (m *memory) fill(page *notifier.Page, q notifier.Query, now time.Time) {
	limit, bytes := cmp.Or(q.Limit, pageEvents), cmp.Or(q.Bytes, pageBytes)
	sources := m.sources(q.Tokens, page.Start.Seq)
	for r := next(sources); r != nil; r = next(sources) {
		ev := &r.event
		switch {
		case ev.ID.Seq <= q.Live && ev.Expired(now),
			ev.Time.Before(q.Since),
			r.except != "" && slices.Contains(q.Tokens, r.except):
			continue
		}
		if n := len(page.Events); n > 0 && (n == limit || bytes < len(ev.Data)) {
			page.Next, page.More = page.Events[n-1].ID, true
			return
		}
		bytes -= len(ev.Data)
		page.Events = append(page.Events, *ev)
	}
	page.Next = m.origin.At(m.seq)
}

// sources are the lists of a query from a position on.
func (m *memory) sources(tokens []string, after uint64) [][]*record {
	sources := make([][]*record, 0, len(tokens)+1)
	sources = append(sources, m.all.after(after))
	for _, t := range tokens {
		if l := m.tokens[t]; l != nil {
			sources = append(sources, l.after(after))
		}
	}
	return sources
}

// next takes the lowest record off the sources, off each that has it.
func next(sources [][]*record) (lowest *record) {
	seq := uint64(math.MaxUint64)
	for _, s := range sources {
		if len(s) > 0 && s[0].event.ID.Seq < seq {
			lowest, seq = s[0], s[0].event.ID.Seq
		}
	}
	for i, s := range sources {
		if len(s) > 0 && s[0] == lowest {
			sources[i] = s[1:]
		}
	}
	return lowest
}
