package logtest

import (
	"time"

	"notifier"
	"notifier/journal"
)

var forgetTests = []test{
	{"forget/token", false, unbounded, forgetToken},
	{"forget/nothing", false, unbounded, forgetNothing},
	{"forget/shared", false, unbounded, forgetShared},
	{"forget/and go on", false, bounded(2), forgetAndGoOn},
	{"forget/age", true, journal.Options{MaxAge: day, MaxEvents: -1, MaxBytes: -1}, forgetAge},
}

// forgetToken: a token's events are gone, and its readers know; nobody else's are.
func forgetToken(f *fixture) {
	ids := f.append(toAll("a", ""), pub("b", "1"), pub("c", "2"), pub("d", "1"), pub("e", "2"))
	f.restart()
	if n := f.forget("1"); n != 2 {
		f.Errorf("forgot %d events, not b and d", n)
	}
	f.restart()
	f.expect(everything("1"), answer{events: "a"})
	f.expect(after(ids[2], "1"), answer{"", false, notifier.GapExpired, ids[3], "a"})
	f.expect(after(ids[0], "1", "2"), answer{"c e", false, notifier.GapExpired, ids[3], "a"})
	f.expect(after(ids[3], "1"), answer{})
	f.expect(after(ids[0], "2"), answer{events: "c e"})
	f.append(pub("f", "1"))
	f.restart()
	f.expect(after(ids[2], "1"), answer{"f", false, notifier.GapExpired, ids[3], "a"})
	f.expect(after(ids[3], "1"), answer{events: "f"})
	if n := f.forget("1"); n != 1 {
		f.Errorf("forgot %d events, not f", n)
	}
}

func forgetNothing(f *fixture) {
	ids := f.append(toAll("a", ""), pub("b", "2"))
	for range 2 {
		if n := f.forget("1"); n != 0 {
			f.Errorf("forgot %d events of a token without any", n)
		}
		f.restart()
		f.expect(after(ids[0].At(0), "1"), answer{events: "a"})
	}
	f.forget("2")
	if n := f.forget("2"); n != 0 {
		f.Errorf("forgot %d events again", n)
	}
	f.restart()
	f.expect(after(ids[0], "2"), answer{"", false, notifier.GapExpired, ids[1], "a"})
}

// forgetShared: an event for several tokens stays for the others.
func forgetShared(f *fixture) {
	ids := f.append(pub("a", "1", "2"), pub("b", "2", "1", "3"))
	if n := f.forget("1"); n != 2 {
		f.Errorf("forgot %d events", n)
	}
	f.restart()
	f.expect(after(ids[0].At(0), "2"), answer{events: "a b"})
	f.expect(after(ids[0].At(0), "3"), answer{events: "b"})
	f.expect(everything("1"), answer{})
	f.expect(everything("1", "3"), answer{events: "b"})
	if n := f.forget("2"); n != 2 {
		f.Errorf("forgot %d events", n)
	}
	f.restart()
	f.expect(everything("1", "2"), answer{})
	f.expect(everything("3"), answer{events: "b"})
}

// forgetAndGoOn: a token may be forgotten again and again; its bound is for what
// it has since.
func forgetAndGoOn(f *fixture) {
	for range 3 {
		ids := f.words("1", "a b c")
		if n := f.forget("1"); n != 2 {
			f.Errorf("forgot %d events, the bound is 2", n)
		}
		f.restart()
		next := f.words("1", "d e")
		f.restart()
		f.expect(after(ids[1], "1"), answer{"d e", false, notifier.GapExpired, ids[2], "d"})
		f.expect(after(ids[2], "1"), answer{events: "d e"})
		f.words("1", "f")
		f.restart()
		f.expect(after(ids[2], "1"), answer{"e f", false, notifier.GapExpired, next[0], "e"})
		f.expect(after(next[0], "1"), answer{events: "e f"})
	}
}

// forgetAge: what is left when a token was forgotten ages as ever; and the gap of
// its readers stays, for as long as there is nothing older.
func forgetAge(f *fixture) {
	ids := f.append(pub("a", "2"), pub("b", "1", "2"), pub("c", "1"))
	f.forget("1")
	ids = append(ids, f.append(pub("d", "2", "1"))...)
	time.Sleep(day / 2)
	f.append(pub("e", "2"))
	f.restart()
	f.expect(after(ids[0], "1"), answer{"d", false, notifier.GapExpired, ids[2], "d"})
	f.expect(after(ids[0], "2"), answer{events: "b d e"})
	time.Sleep(day/2 + time.Hour)
	f.restart()
	f.expect(after(ids[0], "1"), answer{"", false, notifier.GapExpired, ids[3], ""})
	f.expect(after(ids[0], "2"), answer{"e", false, notifier.GapExpired, ids[3], "e"})
	f.expect(everything("1", "2"), answer{events: "e"})
}
