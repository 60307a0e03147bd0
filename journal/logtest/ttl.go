package logtest

import (
	"strings"
	"time"

	"notifier"
)

var ttlTests = []test{
	{"ttl/none", false, unbounded, ttlNone},
	{"ttl/expires", true, unbounded, ttlExpires},
	{"ttl/makes room", true, bounded(4), ttlMakesRoom},
	{"ttl/forced out", true, bounded(4), ttlForcedOut},
}

// ttlNone: an event without ttl is for the streams that were open.
func ttlNone(f *fixture) {
	ids := f.append(pub("a", "1"), brief(pub("b", "1"), 0), brief(toAll("c", ""), 0), pub("d", "1"))
	f.restart()
	for live, want := range []string{"a b c d", "a b c d", "a c d", "a d", "a d"} {
		q := notifier.Query{Tokens: []string{"1"}, After: ids[0].At(0), Live: uint64(live)}
		f.expect(q, answer{events: want})
	}
}

// ttlExpires: with a ttl it is for those that resume within it too. That it is over
// is no gap.
func ttlExpires(f *fixture) {
	ids := f.append(brief(pub("a", "1"), time.Minute), brief(toAll("b", ""), time.Hour), pub("c", "1"))
	f.restart()
	resumed := notifier.Query{Tokens: []string{"1"}, After: ids[0].At(0), Live: ids[2].Seq}
	open := notifier.Query{Tokens: []string{"1"}, After: ids[0].At(0), Live: 0}
	between := notifier.Query{Tokens: []string{"1"}, After: ids[0].At(0), Live: ids[0].Seq}
	for _, c := range []struct {
		wait                       time.Duration
		resumed, between, openWant string
	}{
		{0, "a b c", "a b c", "a b c"},
		{time.Minute - time.Second, "a b c", "a b c", "a b c"},
		{time.Second, "b c", "b c", "a b c"},
		{time.Hour - time.Minute - time.Second, "b c", "b c", "a b c"},
		{time.Second, "c", "b c", "a b c"},
	} {
		time.Sleep(c.wait)
		f.restart()
		f.expect(resumed, answer{events: c.resumed})
		f.expect(between, answer{events: c.between})
		f.expect(open, answer{events: c.openWant})
	}
	// What is over is not the oldest event that is kept.
	resumed.After.Epoch ^= 1
	f.expect(resumed, answer{"c", false, notifier.GapUnknown, ids[0].At(0), "c"})
}

// ttlMakesRoom: any number of events that nobody will read push out none that is
// kept, and make no gap, though there is room for only one of them.
func ttlMakesRoom(f *fixture) {
	origin := f.log.Head()
	f.append(pub("a", "1"), toAll("b", ""), pub("c", "1"), toAll("d", ""), pub("e", "1"), toAll("f", ""))
	for i := range 50 {
		ttl := time.Duration(i%2) * time.Second
		f.append(brief(pub("x", "1"), ttl), brief(toAll("y", ""), ttl))
		time.Sleep(62 * time.Second)
	}
	f.append(pub("g", "1"), toAll("h", ""))
	f.restart()
	q := notifier.Query{Tokens: []string{"1"}, After: origin, Live: f.log.Head().Seq}
	f.expect(q, answer{events: "a b c d e f g h"})
}

// ttlForcedOut: a slow stream that was open misses no event of the last minute, or
// knows.
func ttlForcedOut(f *fixture) {
	origin := f.log.Head()
	for i := range 5 {
		f.append(brief(pub(string(rune('a'+i)), "1"), 0))
		time.Sleep(10 * time.Second)
	}
	f.append(pub("f", "1"), pub("g", "1"))
	f.restart()
	for seq := range uint64(7) {
		q := notifier.Query{Tokens: []string{"1"}, After: origin.At(seq), Live: 0}
		page := f.read(q)
		want := strings.Join(strings.Split("abcdefg"[seq:], ""), " ")
		if page.Gap == notifier.GapNone && sentence(page.Events) != want {
			f.Errorf("after %d: %q without a gap, want %q", seq, sentence(page.Events), want)
		}
	}
	// The bound leaves four: the last three positions are no gap.
	for seq, want := range map[uint64]string{3: "d e f g", 4: "e f g", 6: "g"} {
		f.expect(notifier.Query{Tokens: []string{"1"}, After: origin.At(seq)}, answer{events: want})
	}
}
