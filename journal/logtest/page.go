package logtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"notifier"
)

var pageTests = []test{
	{"page/merge", false, unbounded, pageMerge},
	{"page/limit", false, unbounded, pageLimit},
	{"page/bytes", false, unbounded, pageBytes},
	{"page/own bounds", false, unbounded, pageOwnBounds},
	{"page/paging", false, unbounded, pagePaging},
	{"page/empty log", false, unbounded, pageEmptyLog},
}

// mixed appends events for every mix of the tokens 1, 2, 3 and all.
func mixed(f *fixture) []notifier.ID {
	f.Helper()
	ids := f.append(pub("a", "1"), pub("b", "2"), toAll("c", ""), pub("d", "1", "2"))
	ids = append(ids, f.append(pub("e", "2", "3", "1"))...)
	ids = append(ids, f.append(toAll("f", "2"), pub("g", "3"), pub("h", "1"), toAll("i", ""))...)
	f.restart()
	return ids
}

// pageMerge: events for any of the tokens, and those for all, in id order, each
// once.
func pageMerge(f *fixture) {
	ids := mixed(f)
	for _, c := range []struct{ tokens, want string }{
		{"", "c f i"},
		{"1", "a c d e f h i"},
		{"2", "b c d e i"},
		{"3", "c e f g i"},
		{"1 3", "a c d e f g h i"},
		{"3 1", "a c d e f g h i"},
		{"2 1", "a b c d e h i"},
		{"1 1", "a c d e f h i"},
		{"1 2 3", "a b c d e g h i"},
		{"nobody", "c f i"},
	} {
		tokens := strings.Fields(c.tokens)
		f.expect(everything(tokens...), answer{events: c.want})
		// After each position: the words later than its own.
		for i, id := range ids {
			word := string(rune('a' + i))
			rest := slices.DeleteFunc(strings.Fields(c.want), func(w string) bool { return w <= word })
			f.expect(after(id, tokens...), answer{events: strings.Join(rest, " ")})
		}
	}
	f.expect(after(ids[0].At(0), "2"), answer{events: "b c d e i"})
}

func pageLimit(f *fixture) {
	ids := f.words("1", "a b c d")
	f.words("2", "x")
	f.restart()
	for limit, want := range map[int]answer{
		1: {events: "a", more: true},
		3: {events: "a b c", more: true},
		4: {events: "a b c d"}, // a full page, but nothing after it
		5: {events: "a b c d"},
	} {
		q := everything("1")
		q.Limit = limit
		f.expect(q, want)
	}
	q := after(ids[1], "1")
	q.Limit = 1
	f.expect(q, answer{events: "c", more: true})
}

// pageBytes: the data of a page is within Bytes, unless it is one event.
func pageBytes(f *fixture) {
	f.words("1", "aaaa bb cc dddddddd e")
	f.restart()
	for bytes, want := range map[int]answer{
		1:  {events: "aaaa", more: true},
		4:  {events: "aaaa", more: true},
		5:  {events: "aaaa", more: true},
		6:  {events: "aaaa bb", more: true},
		16: {events: "aaaa bb cc dddddddd", more: true},
		17: {events: "aaaa bb cc dddddddd e"},
	} {
		q := everything("1")
		q.Bytes = bytes
		f.expect(q, want)
	}
	q := everything("1")
	q.Bytes, q.Limit = 6, 1
	f.expect(q, answer{events: "aaaa", more: true})
}

// pageOwnBounds: a query without bounds gets pages of the log's own bounds.
func pageOwnBounds(f *fixture) {
	var want []string
	var batch []notifier.Publication
	for i := range 5000 {
		word := fmt.Sprintf("%04d", i)
		if i%500 == 0 {
			word += strings.Repeat("x", 400<<10)
		}
		want = append(want, word)
		if batch = append(batch, pub(word, "1")); len(batch) == 100 {
			f.append(batch...)
			batch = nil
		}
	}
	f.restart()
	if got := sentence(f.pages(everything("1"))); got != strings.Join(want, " ") {
		f.Error("not what was appended")
	}
}

// pagePaging: pages of any size add up to one big page.
func pagePaging(f *fixture) {
	ids := mixed(f)
	origin := ids[0].At(0)
	f.append(brief(pub("j", "1", "2"), 0), brief(pub("k", "1"), 0), brief(toAll("l", ""), 0))
	other := notifier.ID{Epoch: origin.Epoch ^ 1, Seq: 3}
	for _, after := range []notifier.ID{{}, origin, ids[2], ids[4], ids[8], other} {
		for _, live := range []uint64{0, 5, 10, 11, 12} {
			q := notifier.Query{Tokens: []string{"1", "2"}, After: after, Live: live}
			f.pagesAddUp(q)
			q.Since = time.Now().Add(time.Hour)
			f.pagesAddUp(q)
		}
	}
}

// pagesAddUp compares pages of several sizes with one big page.
func (f *fixture) pagesAddUp(q notifier.Query) {
	f.Helper()
	q.Limit, q.Bytes = 1<<20, 1<<30
	whole := f.read(q)
	if whole.More {
		f.Fatalf("more than one page: %+v", q)
	}
	for _, size := range []struct{ limit, bytes int }{{1, 0}, {2, 0}, {3, 0}, {0, 1}, {0, 2}, {3, 2}} {
		q.Limit, q.Bytes = size.limit, size.bytes
		if got, want := sentence(f.pages(q)), sentence(whole.Events); got != want {
			f.Errorf("%+v: pages of %q, one page of %q", q, got, want)
		}
	}
}

func pageEmptyLog(f *fixture) {
	f.restart()
	f.expect(everything("1"), answer{})
	f.expect(after(f.log.Head(), "1"), answer{})
}
