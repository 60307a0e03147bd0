package logtest

import (
	"time"

	"notifier"
)

var filterTests = []test{
	{"filter/except", false, unbounded, filterExcept},
	{"filter/since", true, unbounded, filterSince},
	{"filter/to the end", false, unbounded, filterToTheEnd},
}

// filterExcept: an event for all but one is not for a reader who has that one.
func filterExcept(f *fixture) {
	f.append(toAll("a", "1"), toAll("b", "2"), toAll("c", ""), toAll("d", "1"))
	f.restart()
	f.expect(everything("1"), answer{events: "b c"})
	f.expect(everything("2"), answer{events: "a c d"})
	f.expect(everything("3"), answer{events: "a b c d"})
	f.expect(everything("3", "1"), answer{events: "b c"})
	f.expect(everything("1", "2"), answer{events: "c"})
	f.expect(everything(), answer{events: "a b c d"})
}

// filterSince: events taken before an instant are left out, and that is no gap.
func filterSince(f *fixture) {
	f.append(pub("a", "1"), toAll("b", ""))
	time.Sleep(time.Minute)
	since := time.Now()
	f.append(pub("c", "1"))
	time.Sleep(time.Minute)
	f.append(toAll("d", ""), pub("e", "1"))
	f.restart()
	for at, want := range map[time.Time]string{
		{}:                         "a b c d e",
		since.Add(-time.Hour):      "a b c d e",
		since.Add(-time.Second):    "c d e",
		since:                      "c d e",
		since.Add(time.Second):     "d e",
		since.Add(time.Hour):       "",
		since.Add(100 * time.Hour): "",
	} {
		q := everything("1")
		q.Since = at
		f.expect(q, answer{events: want})
		f.pagesAddUp(q)
	}
	// The oldest event kept is one, also if it is left out.
	q := after(notifier.ID{Epoch: f.log.Head().Epoch ^ 1}, "1")
	q.Since = since
	f.expect(q, answer{"c d e", false, notifier.GapUnknown, f.log.Head().At(0), "a"})
}

// filterToTheEnd: what is left out makes neither an empty page with more after it
// nor a promise of more.
func filterToTheEnd(f *fixture) {
	for range 20 {
		f.append(brief(pub("x", "1"), 0), toAll("y", "1"), brief(toAll("z", ""), 0))
	}
	f.append(pub("a", "1"))
	for range 20 {
		f.append(brief(pub("x", "1"), 0), toAll("y", "1"), brief(toAll("z", ""), 0))
	}
	f.restart()
	q := notifier.Query{Tokens: []string{"1"}, Live: f.log.Head().Seq, Limit: 1}
	f.expect(q, answer{events: "a"})
	q.Since = time.Now().Add(time.Hour)
	f.expect(q, answer{})
	q.After, q.Since = f.log.Head().At(61), time.Time{}
	f.expect(q, answer{})
}
