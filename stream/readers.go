package stream

import (
	"math"
	"sync"

	"notifier"
)

// readers reads the journal for streams that are behind, off the workers. At most
// max goroutines do, in the order of asking, and none when there is nothing to
// read: ten thousand streams that resume at once share them, one page each in
// turn.
type readers struct {
	hub *Hub
	max int

	mu      sync.Mutex
	queue   []*stream
	running int
	done    sync.WaitGroup
}

// One page of a stream that is behind.
const (
	pageEvents = 256
	pageBytes  = 64 << 10
)

// add asks for the next page of a stream.
func (r *readers) add(st *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, st)
	if r.running < r.max {
		r.running++
		r.done.Go(r.run)
	}
}

func (r *readers) run() {
	for st := r.take(); st != nil; st = r.take() {
		page, err := r.hub.log.Replay(r.hub.ctx, st.query())
		start := startOf(page)
		entries := st.encode(page, start)
		s := st.topic.shard
		s.do(func() { s.gotPage(st, page, start, entries, err) })
	}
}

func (r *readers) take() *stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		r.queue = nil
		r.running--
		return nil
	}
	st := r.queue[0]
	r.queue[0] = nil
	r.queue = r.queue[1:]
	return st
}

// query is what a stream that is behind reads next. While a reader has the
// stream, the worker leaves pos and resume alone.
func (st *stream) query() notifier.Query {
	origin := st.topic.shard.hub.origin
	q := notifier.Query{
		Tokens: st.topic.tokens(),
		After:  origin.At(st.pos),
		Live:   st.live,
		Limit:  pageEvents,
		Bytes:  pageBytes,
	}
	if r := st.resume; r != nil {
		q.After, q.Since = r.after, r.since
		if r.unknown { // as a position that the log has not reached
			q.After = origin.At(math.MaxUint64)
		}
	}
	return q
}

// startOf is the position right before a page: a stream that is cut off there loses
// nothing of it.
func startOf(page notifier.Page) notifier.ID {
	if len(page.Events) == 0 {
		return page.Next
	}
	first := page.Events[0].ID
	return first.At(first.Seq - 1)
}

// encode makes the frames of a page. What tells the client how the page follows
// its own position comes first, and in one piece: it is sent once. A gap that the
// client has been told of is not told again by the pages across it.
func (st *stream) encode(page notifier.Page, start notifier.ID) []entry {
	entries := make([]entry, 0, len(page.Events)+1)
	ready := st.control && st.resume != nil
	gap := page.Gap != notifier.GapNone && (page.Start.Seq > st.told || st.resume != nil)
	if ready || gap {
		entries = append(entries, entry{start.Seq, frameOf(func(b []byte) []byte {
			if ready {
				b = appendReady(b, start, page.Gap == notifier.GapNone && !st.resume.after.IsZero())
			}
			if gap {
				b = appendGap(b, page, start)
			}
			return b
		})})
	}
	for i := range page.Events {
		e := &page.Events[i]
		entries = append(entries, entry{e.ID.Seq, eventFrame(e)})
	}
	return entries
}
