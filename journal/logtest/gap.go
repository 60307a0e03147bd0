package logtest

import (
	"math"

	"notifier"
)

var gapTests = []test{
	{"gap/other epoch", false, unbounded, gapOtherEpoch},
	{"gap/future", false, unbounded, gapFuture},
	{"gap/expired", false, bounded(3), gapExpired},
	{"gap/several floors", false, bounded(2), gapSeveralFloors},
	{"gap/hides nothing", false, bounded(2), gapHidesNothing},
	{"gap/once", false, bounded(2), gapOnce},
}

// gapOtherEpoch: a position of another log says nothing here: the reader gets
// everything.
func gapOtherEpoch(f *fixture) {
	ids := f.words("1", "a b c")
	f.words("2", "x")
	f.restart()
	origin := ids[0].At(0)
	other := notifier.ID{Epoch: origin.Epoch ^ 1}
	for _, seq := range []uint64{0, 1, 3, math.MaxUint64} {
		f.expect(after(other.At(seq), "1"), answer{"a b c", false, notifier.GapUnknown, origin, "a"})
		f.expect(after(other.At(seq), "nobody"), answer{"", false, notifier.GapUnknown, origin, ""})
	}
	q := after(other.At(2), "1")
	q.Limit = 2
	f.expect(q, answer{"a b", true, notifier.GapUnknown, origin, "a"})
}

// gapFuture: a reader at a position that is not reached goes on live.
func gapFuture(f *fixture) {
	f.words("1", "a b")
	f.restart()
	head := f.log.Head()
	for _, seq := range []uint64{head.Seq + 1, head.Seq + 100, math.MaxUint64} {
		f.expect(after(head.At(seq), "1"), answer{"", false, notifier.GapUnknown, head, "a"})
		f.expect(after(head.At(seq), "2"), answer{"", false, notifier.GapUnknown, head, ""})
	}
	f.expect(after(head, "1"), answer{})
}

// gapExpired: events are missing for positions before the last one that a bound
// dropped, and for no other; for its token, and for no other.
func gapExpired(f *fixture) {
	f.words("2", "x")
	ids := f.words("1", "a b c d e")
	f.restart()
	origin := ids[0].At(0)
	gap := answer{"c d e", false, notifier.GapExpired, ids[1], "c"}
	f.expect(after(origin, "1"), gap)
	f.expect(after(ids[0], "1"), gap)
	f.expect(after(ids[1], "1"), answer{events: "c d e"})
	f.expect(after(ids[2], "1"), answer{events: "d e"})
	f.expect(after(ids[4], "1"), answer{})
	f.expect(everything("1"), answer{events: "c d e"})
	f.expect(after(origin, "2"), answer{events: "x"})
	f.expect(after(origin, "3"), answer{})
}

// gapSeveralFloors: the highest floor of the tokens and of the events for all
// counts.
func gapSeveralFloors(f *fixture) {
	one := f.words("1", "a b c")
	all := f.append(toAll("d", ""), toAll("e", ""), toAll("f", ""))
	two := f.words("2", "g h i")
	f.restart()
	f.expect(after(all[0].At(all[0].Seq-1), "1"), answer{"e f", false, notifier.GapExpired, all[0], "b"})
	f.expect(after(all[0], "1"), answer{events: "e f"})
	f.expect(after(one[0], "2"), answer{"e f h i", false, notifier.GapExpired, two[0], "e"})
	f.expect(after(all[0], "2", "1"), answer{"e f h i", false, notifier.GapExpired, two[0], "b"})
	f.expect(after(two[0], "2", "1"), answer{events: "h i"})
	f.expect(after(all[0], "3"), answer{events: "e f"})
	f.expect(after(one[0], "3"), answer{"e f", false, notifier.GapExpired, all[0], "e"})
	other := notifier.ID{Epoch: one[0].Epoch ^ 1, Seq: 1}
	f.expect(after(other, "1", "2"), answer{"b c e f h i", false, notifier.GapUnknown, two[0], "b"})
}

// gapHidesNothing: where events of a busy token are gone, those of a quiet one and
// those for all are still read, page after page.
func gapHidesNothing(f *fixture) {
	ids := f.append(pub("a", "quiet"), toAll("b", ""), pub("c", "quiet"), toAll("d", ""))
	busy := f.words("busy", "e f g h")
	f.restart()
	f.expect(everything("busy"), answer{events: "b d g h"})
	f.expect(everything("busy", "quiet"), answer{events: "a b c d g h"})
	f.expect(after(ids[0], "busy"), answer{"b d g h", false, notifier.GapExpired, busy[1], "b"})
	f.expect(after(ids[1], "busy", "quiet"), answer{"c d g h", false, notifier.GapExpired, busy[1], "a"})
	f.pagesAddUp(everything("busy", "quiet"))
	f.pagesAddUp(after(ids[0].At(0), "busy", "quiet"))
	f.pagesAddUp(after(notifier.ID{Epoch: ids[0].Epoch ^ 1, Seq: 1}, "busy", "quiet"))
}

// gapOnce: a reader that resumes where a gap starts is not told of it again.
func gapOnce(f *fixture) {
	f.append(toAll("a", ""), toAll("b", ""), toAll("c", ""))
	f.words("1", "d e f")
	f.words("2", "g h i")
	f.forget("2")
	f.words("3", "j k")
	f.restart()
	head := f.log.Head()
	var positions []notifier.ID
	for seq := range head.Seq + 3 {
		positions = append(positions, head.At(seq), notifier.ID{Epoch: head.Epoch ^ 1, Seq: seq})
	}
	for _, tokens := range [][]string{nil, {"1"}, {"2"}, {"3"}, {"1", "2", "3"}} {
		for _, pos := range positions {
			q := notifier.Query{Tokens: tokens, After: pos, Limit: 2}
			if page := f.read(q); page.Gap != notifier.GapNone {
				if again := f.read(after(page.Start, tokens...)); again.Gap != notifier.GapNone {
					f.Errorf("%v after %v: a gap that starts at %v, and there another", tokens, pos, page.Start)
				}
			}
		}
	}
}
