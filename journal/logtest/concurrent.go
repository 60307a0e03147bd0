package logtest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"notifier"
)

var concurrentTests = []test{
	{"concurrent/readers", false, unbounded, concurrentReaders},
	{"concurrent/all tokens at once", false, unbounded, concurrentAllTokensAtOnce},
	{"concurrent/bounded", false, bounded(20), concurrentBounded},
}

// appenders has goroutines append to tokens of their own, to one that they share
// and to all; done returns what was appended, by id, when they are through.
func (f *fixture) appenders(n, calls int) (done func() map[notifier.ID]notifier.Publication) {
	var all sync.WaitGroup
	var mu sync.Mutex
	appended := map[notifier.ID]notifier.Publication{}
	for i := range n {
		own := fmt.Sprint("own ", i)
		all.Go(func() {
			for c := range calls {
				word := fmt.Sprint(i, "/", c)
				pubs := []notifier.Publication{pub(word, own), pub(word, "shared", own), toAll(word, own)}[:1+c%3]
				acks, err := f.log.Append(f.Context(), pubs)
				if err != nil {
					f.Errorf("Append: %v", err)
					return
				}
				mu.Lock()
				for i, ack := range acks {
					appended[ack.ID] = pubs[i]
				}
				mu.Unlock()
			}
		})
	}
	return func() map[notifier.ID]notifier.Publication {
		all.Wait()
		return appended
	}
}

// concurrentReaders: a reader that goes from page to page, and waits for the
// follower at the end, sees each event once and in order while others append.
func concurrentReaders(f *fixture) {
	fo := f.follow()
	queries := []notifier.Query{
		{Tokens: []string{"own 0"}, Limit: 1},
		{Tokens: []string{"own 1", "shared"}, Limit: 3},
		{Tokens: []string{"shared"}, Bytes: 10},
		{Tokens: []string{"own 0", "own 1", "own 2", "own 3"}},
		{Tokens: []string{"nobody"}, Limit: 2},
		{Tokens: []string{"own 2"}, After: f.log.Head(), Limit: 2},
	}
	seen := make([][]notifier.Event, len(queries))
	var readers sync.WaitGroup
	for i, q := range queries {
		readers.Go(func() { seen[i] = f.readAlong(fo, q) })
	}
	appended := f.appenders(4, 60)()
	fo.finish()
	readers.Wait()
	for i, q := range queries {
		f.checkSeen(q, seen[i], appended)
	}
	f.restart()
	for _, q := range queries {
		f.checkSeen(q, f.pages(q), appended)
	}
}

// readAlong reads page after page until there will be no more.
func (f *fixture) readAlong(fo *follower, q notifier.Query) (seen []notifier.Event) {
	for {
		page, err := f.log.Replay(f.Context(), q)
		if err != nil || page.Gap != notifier.GapNone {
			f.Errorf("gap %q, error %v", page.Gap, err)
			return seen
		}
		seen = append(seen, page.Events...)
		q.After = page.Next
		if !page.More && !fo.wait(page.Next.Seq) {
			return seen
		}
	}
}

// checkSeen compares what a reader saw with what was appended.
func (f *fixture) checkSeen(q notifier.Query, seen []notifier.Event, appended map[notifier.ID]notifier.Publication) {
	f.Helper()
	var want []notifier.ID
	for id, p := range appended {
		mine := func(token string) bool { return slices.Contains(q.Tokens, token) }
		if p.All && !mine(p.Except) || slices.ContainsFunc(p.Tokens, mine) {
			want = append(want, id)
		}
	}
	slices.SortFunc(want, func(a, b notifier.ID) int { return int(a.Seq) - int(b.Seq) })
	if len(seen) != len(want) {
		f.Errorf("%v: %d events seen of %d", q.Tokens, len(seen), len(want))
	}
	for i, ev := range seen[:min(len(seen), len(want))] {
		if ev.ID != want[i] || string(ev.Data) != string(appended[ev.ID].Data) {
			f.Fatalf("%v: event %d is %v %q, want %v %q", q.Tokens, i, ev.ID, ev.Data, want[i], appended[want[i]].Data)
		}
	}
}

// concurrentAllTokensAtOnce: who has seen the head finds everything up to it, under
// each of its tokens. The readers wait for nothing: they are to catch the log in the
// act.
func concurrentAllTokensAtOnce(f *fixture) {
	var over atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for !over.Load() {
				head := f.log.Head()
				if head.Seq == 0 {
					continue
				}
				for _, token := range []string{"1", "2"} {
					page, err := f.log.Replay(f.Context(), after(head.At(head.Seq-1), token))
					if err != nil || len(page.Events) == 0 || page.Events[0].ID != head || page.Next.Seq < head.Seq {
						f.Errorf("the head was %v, token %s reads %+v, %v", head, token, page, err)
						return
					}
				}
			}
		})
	}
	for range 300 {
		f.append(pub("a", "1", "2"), pub("b", "2", "1"))
	}
	over.Store(true)
	readers.Wait()
}

// concurrentBounded: a reader that is slower than the bounds misses nothing without
// a gap, and nothing comes twice.
func concurrentBounded(f *fixture) {
	fo := f.follow()
	var reader sync.WaitGroup
	reader.Go(func() {
		pos := f.log.Head().At(0)
		for {
			page, err := f.log.Replay(f.Context(), notifier.Query{Tokens: []string{"1"}, After: pos, Limit: 5})
			if err != nil {
				f.Errorf("Replay: %v", err)
				return
			}
			for _, ev := range page.Events {
				// Every second event is for the token.
				if next := pos.Seq + 2 - pos.Seq%2; page.Gap == notifier.GapNone && ev.ID.Seq > next || ev.ID.Seq <= pos.Seq {
					f.Errorf("%v after %v, gap %q", ev.ID, pos, page.Gap)
				}
				pos = ev.ID
			}
			pos = page.Next
			if !page.More && !fo.wait(pos.Seq) {
				return
			}
		}
	})
	for range 500 {
		f.append(pub("x", "2"), pub("y", "1"))
	}
	fo.finish()
	reader.Wait()
}
