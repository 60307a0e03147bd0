package logtest

import (
	"strings"
	"testing"
	"time"

	"notifier"
	"notifier/journal"
)

// A fixture is a log under test and what tests say to it again and again. The
// events of most tests carry a word each, so that what is read is a sentence.
type fixture struct {
	*testing.T
	log    journal.Log
	reopen func(*testing.T, journal.Log) journal.Log
}

// unbounded is for tests of anything but the bounds.
var unbounded = bounded(-1)

// bounded bounds only the events of a token.
func bounded(events int) journal.Options {
	return journal.Options{MaxAge: -1, MaxEvents: events, MaxBytes: -1}
}

func (s Suite) fixture(t *testing.T, opts journal.Options) *fixture {
	f := &fixture{T: t, log: s.Open(t, opts), reopen: s.Reopen}
	t.Cleanup(func() {
		if err := f.log.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return f
}

// restart reopens the log if it is one that remembers.
func (f *fixture) restart() {
	f.Helper()
	if f.reopen != nil {
		f.log = f.reopen(f.T, f.log)
	}
}

// long is a ttl that no test lives to see the end of.
const long = 100 * 365 * 24 * time.Hour

func pub(word string, tokens ...string) notifier.Publication {
	return notifier.Publication{Tokens: tokens, Data: []byte(word), TTL: long}
}

func toAll(word, except string) notifier.Publication {
	return notifier.Publication{All: true, Except: except, Data: []byte(word), TTL: long}
}

func brief(p notifier.Publication, ttl time.Duration) notifier.Publication {
	p.TTL = ttl
	return p
}

func keyed(p notifier.Publication, key string) notifier.Publication {
	p.Key = key
	return p
}

// acks appends publications in one call.
func (f *fixture) acks(pubs ...notifier.Publication) []notifier.Ack {
	f.Helper()
	acks, err := f.log.Append(f.Context(), pubs)
	if err != nil {
		f.Fatalf("Append: %v", err)
	}
	if len(acks) != len(pubs) {
		f.Fatalf("%d acks for %d publications", len(acks), len(pubs))
	}
	return acks
}

// append appends publications that are new, in one call.
func (f *fixture) append(pubs ...notifier.Publication) []notifier.ID {
	f.Helper()
	ids := make([]notifier.ID, len(pubs))
	for i, ack := range f.acks(pubs...) {
		if ack.Err != nil || ack.Duplicate {
			f.Fatalf("publication %d: %+v, want a new event", i, ack)
		}
		ids[i] = ack.ID
	}
	return ids
}

// words appends an event for a token for each word of a sentence.
func (f *fixture) words(token, sentence string) []notifier.ID {
	f.Helper()
	var pubs []notifier.Publication
	for word := range strings.FieldsSeq(sentence) {
		pubs = append(pubs, pub(word, token))
	}
	return f.append(pubs...)
}

func (f *fixture) forget(token string) int {
	f.Helper()
	n, err := f.log.Forget(f.Context(), token)
	if err != nil {
		f.Fatalf("Forget: %v", err)
	}
	return n
}

// read replays one page and holds what is true of every page, as long as nobody
// appends.
func (f *fixture) read(q notifier.Query) notifier.Page {
	f.Helper()
	page, err := f.log.Replay(f.Context(), q)
	if err != nil {
		f.Fatalf("Replay(%+v): %v", q, err)
	}
	head := f.log.Head()
	next := head
	if n := len(page.Events); page.More && n > 0 {
		next = page.Events[n-1].ID
	}
	switch {
	case page.Gap == notifier.GapNone && (page.Start != q.After || !page.Oldest.IsZero()):
		f.Fatalf("no gap: start %v after %v, oldest %v", page.Start, q.After, page.Oldest)
	case page.Gap != notifier.GapNone && (page.Start.Epoch != head.Epoch || page.Start.Seq > head.Seq):
		f.Fatalf("a gap that starts at %v, the head is %v", page.Start, head)
	case page.More && len(page.Events) == 0:
		f.Fatalf("an empty page with more after it: %+v", page)
	case page.Next != next:
		f.Fatalf("next is %v, want %v: %+v", page.Next, next, page)
	case q.Limit > 0 && len(page.Events) > q.Limit:
		f.Fatalf("%d events, the limit is %d", len(page.Events), q.Limit)
	}
	seq := uint64(0)
	if q.After.Epoch == head.Epoch {
		seq = q.After.Seq
	}
	for _, ev := range page.Events {
		if ev.ID.Epoch != head.Epoch || ev.ID.Seq <= seq {
			f.Fatalf("event %v after %v", ev.ID, head.At(seq))
		}
		seq = ev.ID.Seq
	}
	return page
}

// An answer is what a page says, the events as a sentence.
type answer struct {
	events string
	more   bool
	gap    notifier.Gap
	start  notifier.ID // only with a gap
	oldest string      // the word of that event, only with a gap
}

// expect replays one page and compares it with what is wanted.
func (f *fixture) expect(q notifier.Query, want answer) {
	f.Helper()
	page := f.read(q)
	got := answer{events: sentence(page.Events), more: page.More, gap: page.Gap}
	if page.Gap != notifier.GapNone {
		got.start = page.Start
	}
	if !page.Oldest.IsZero() {
		before := page.Oldest.At(page.Oldest.Seq - 1)
		got.oldest = "not there"
		all := notifier.Query{Tokens: q.Tokens, After: before, Live: q.Live, Limit: 1}
		if at := f.read(all).Events; len(at) == 1 && at[0].ID == page.Oldest {
			got.oldest = sentence(at)
		}
	}
	if got != want {
		f.Errorf("%+v\n got %+v\nwant %+v", q, got, want)
	}
}

func sentence(events []notifier.Event) string {
	words := make([]string, len(events))
	for i, ev := range events {
		words[i] = string(ev.Data)
	}
	return strings.Join(words, " ")
}

// pages reads on from a query's position, a page at a time, to the end.
func (f *fixture) pages(q notifier.Query) (events []notifier.Event) {
	f.Helper()
	for {
		page := f.read(q)
		events = append(events, page.Events...)
		if !page.More {
			return events
		}
		q.After = page.Next
	}
}

// everything is a query for all that is kept for tokens.
func everything(tokens ...string) notifier.Query { return notifier.Query{Tokens: tokens} }

func after(id notifier.ID, tokens ...string) notifier.Query {
	return notifier.Query{Tokens: tokens, After: id}
}
