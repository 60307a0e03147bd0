package logtest

import (
	"cmp"
	"crypto/rand"
	"strconv"
	"time"

	"notifier"
	"notifier/journal"
)

const day = 24 * time.Hour

var boundTests = []test{
	{"bound/events", false, bounded(10), boundEvents},
	{"bound/events for all", false, bounded(3), boundEventsForAll},
	{"bound/events by default", false, journal.Options{}, boundEventsByDefault},
	{"bound/age", true, journal.Options{MaxAge: day, MaxEvents: -1, MaxBytes: -1}, boundAge},
	{"bound/age by default", true, journal.Options{}, boundAgeByDefault},
	{"bound/none", true, unbounded, boundNone},
}

// boundEvents: a busy token loses its own oldest events and nobody else's.
func boundEvents(f *fixture) {
	first := f.append(pub("a", "quiet"), toAll("b", ""), pub("both", "quiet", "busy"))
	for i := range 500 {
		f.append(pub(strconv.Itoa(i), "busy"))
	}
	f.restart()
	f.expect(after(first[0].At(0), "quiet"), answer{events: "a b both"})
	f.expect(everything("busy"), answer{events: "b 490 491 492 493 494 495 496 497 498 499"})
}

// boundEventsForAll: the events for all are bounded by themselves.
func boundEventsForAll(f *fixture) {
	ids := f.append(pub("a", "1"), toAll("b", ""), toAll("c", ""), toAll("d", ""), pub("e", "1"), toAll("f", ""), toAll("g", ""))
	f.restart()
	gap := answer{"d e f g", false, notifier.GapExpired, ids[2], "a"}
	f.expect(after(ids[0], "1"), gap)
	f.expect(after(ids[1], "1"), gap)
	f.expect(after(ids[2], "1"), answer{events: "d e f g"})
	f.expect(everything("1"), answer{events: "a d e f g"})
	f.expect(everything("2"), answer{events: "d f g"})
}

func boundEventsByDefault(f *fixture) {
	for range 10 {
		var batch []notifier.Publication
		for range journal.DefaultOptions.MaxEvents/10 + 1 {
			batch = append(batch, pub("x", "1"))
		}
		f.append(batch...)
	}
	f.restart()
	events := f.pages(everything("1"))
	if len(events) != journal.DefaultOptions.MaxEvents {
		f.Fatalf("%d events are kept", len(events))
	}
	if last := events[len(events)-1]; last.ID != f.log.Head() {
		f.Errorf("the last event kept is %v", last.ID)
	}
}

// boundAge: events are gone when their time is over, and their readers know, also
// if nothing was appended since.
func boundAge(f *fixture) {
	ids := f.append(pub("a", "1"), pub("b", "2"))
	time.Sleep(day / 2)
	ids = append(ids, f.append(pub("c", "1"))...)
	f.restart()
	f.expect(after(ids[0], "1"), answer{events: "c"})
	f.expect(everything("1"), answer{events: "a c"})
	time.Sleep(day/2 + time.Hour)
	f.restart()
	if n := f.forget("2"); n != 0 {
		f.Errorf("forgot %d events that are too old", n)
	}
	f.expect(everything("1"), answer{events: "c"})
	f.expect(after(ids[0], "1"), answer{"c", false, notifier.GapExpired, ids[1], "c"})
	f.expect(after(ids[0], "3"), answer{"", false, notifier.GapExpired, ids[1], ""})
	f.expect(after(ids[1], "1"), answer{events: "c"})
	time.Sleep(day)
	f.restart()
	f.expect(everything("1"), answer{})
	f.expect(after(ids[1], "1"), answer{"", false, notifier.GapExpired, ids[2], ""})
	f.expect(after(f.log.Head(), "1"), answer{})
	if got := f.append(pub("d", "1"))[0]; got != ids[2].At(4) {
		f.Errorf("the id after all others are gone is %v", got)
	}
	f.restart()
	f.expect(after(ids[2], "1"), answer{events: "d"})
	time.Sleep(day)
	f.restart()
	f.expect(everything("1"), answer{})
}

func boundAgeByDefault(f *fixture) {
	ids := f.words("1", "a")
	time.Sleep(journal.DefaultOptions.MaxAge / 2)
	f.restart()
	f.expect(everything("1"), answer{events: "a"})
	time.Sleep(journal.DefaultOptions.MaxAge/2 + time.Second)
	f.restart()
	f.expect(after(ids[0].At(0), "1"), answer{"", false, notifier.GapExpired, ids[0], ""})
}

// boundNone: without bounds everything is kept.
func boundNone(f *fixture) {
	var batch []notifier.Publication
	for range 2 * journal.DefaultOptions.MaxEvents {
		batch = append(batch, pub("x", "1"))
	}
	ids := f.append(batch...)
	time.Sleep(30 * 365 * day)
	f.restart()
	if events := f.pages(after(ids[0], "1")); len(events) != len(ids)-1 {
		f.Errorf("%d events are kept of %d", len(events), len(ids)-1)
	}
}

func (s Suite) byteTests() []test {
	maxBytes := cmp.Or(s.MaxBytes, 1<<20)
	opts := journal.Options{MaxAge: -1, MaxEvents: -1, MaxBytes: maxBytes}
	return []test{{"bound/bytes", false, opts, func(f *fixture) { boundBytes(f, maxBytes) }}}
}

// boundBytes: the oldest events make room for new ones, and their readers know.
// How much an event takes is the log's business, so the bound is held loosely.
func boundBytes(f *fixture, maxBytes int64) {
	const events, tokens = 8 * 64, 7
	var names []string
	for i := range events {
		data := make([]byte, maxBytes/64)
		rand.Read(data) // never fails, and nothing can compress it
		token := strconv.Itoa(i % tokens)
		f.append(notifier.Publication{Tokens: []string{token}, Data: data, TTL: long})
		if i < tokens {
			names = append(names, token)
		}
	}
	f.restart()
	kept := f.pages(everything(names...))
	if len(kept) < 16 || len(kept) > 2*64 {
		f.Fatalf("%d events of a 64th of the bound are kept", len(kept))
	}
	head := f.log.Head()
	if first := kept[0].ID.Seq; kept[len(kept)-1].ID != head || first != head.Seq-uint64(len(kept))+1 {
		f.Fatalf("the events kept are not the last ones: %d, %v to %v of %v",
			len(kept), kept[0].ID, kept[len(kept)-1].ID, head)
	}
	dropped := head.At(kept[0].ID.Seq - 1)
	q := notifier.Query{Tokens: names, After: dropped.At(dropped.Seq - 1), Limit: 1}
	if page := f.read(q); page.Gap != notifier.GapExpired || page.Start != dropped || page.Oldest != kept[0].ID {
		f.Errorf("before the last event dropped: %+v", page)
	}
	q.After = dropped
	if page := f.read(q); page.Gap != notifier.GapNone {
		f.Errorf("at the last event dropped: %+v", page)
	}
}
