package logtest

import (
	"errors"
	"sync"
	"time"

	"notifier"
	"notifier/journal"
)

var keyTests = []test{
	{"key/duplicate", false, unbounded, keyDuplicate},
	{"key/conflict", false, unbounded, keyConflict},
	{"key/one call", false, unbounded, keyOneCall},
	{"key/dropped event", false, bounded(1), keyDroppedEvent},
	{"key/window", true, journal.Options{KeyWindow: 5 * time.Minute}, keyWindow},
	{"key/window by default", true, journal.Options{}, keyWindowByDefault},
	{"key/no window", true, journal.Options{KeyWindow: -1}, keyNoWindow},
	{"key/at once", false, unbounded, keyAtOnce},
}

// again appends a publication that was appended before as id.
func (f *fixture) again(p notifier.Publication, id notifier.ID) {
	f.Helper()
	if ack := f.acks(p)[0]; !ack.Duplicate || ack.ID != id || ack.Err != nil {
		f.Errorf("again: %+v, want a duplicate of %v", ack, id)
	}
}

func keyDuplicate(f *fixture) {
	a := keyed(pub("a", "1"), "k")
	id := f.append(a)[0]
	f.restart()
	f.again(a, id)
	other := f.append(keyed(pub("a", "1"), "another k"), pub("a", "1"), pub("a", "1"))
	f.restart()
	f.again(a, id)
	if head := f.log.Head(); head != other[2] {
		f.Errorf("the head is %v, the last new event %v", head, other[2])
	}
	f.expect(everything("1"), answer{events: "a a a a"})
}

// keyConflict: a key names one publication; any other with it is refused alone.
func keyConflict(f *fixture) {
	first := keyed(notifier.Publication{Tokens: []string{"1", "2"}, Name: "n", Data: []byte("a"), TTL: time.Hour}, "k")
	id := f.append(first)[0]
	f.restart()
	for what, change := range map[string]func(*notifier.Publication){
		"data":   func(p *notifier.Publication) { p.Data = []byte("b") },
		"name":   func(p *notifier.Publication) { p.Name = "" },
		"ttl":    func(p *notifier.Publication) { p.TTL++ },
		"tokens": func(p *notifier.Publication) { p.Tokens = []string{"1"} },
		"all":    func(p *notifier.Publication) { p.Tokens, p.All = nil, true },
	} {
		p := first
		change(&p)
		acks := f.acks(p, pub("c", "3"))
		if !errors.Is(acks[0].Err, notifier.ErrConflict) || acks[0].Duplicate {
			f.Errorf("other %s with the same key: %+v", what, acks[0])
		}
		if acks[1].Err != nil || acks[1].ID.IsZero() {
			f.Errorf("beside a conflict: %+v", acks[1])
		}
	}
	f.again(first, id)
	f.restart()
	f.expect(everything("1"), answer{events: "a"})
	f.expect(everything("3"), answer{events: "c c c c c"})
	if head := f.log.Head(); head.Seq != 6 {
		f.Errorf("six events, and the head is %v", head)
	}
}

// keyOneCall: it is the same within one call, in the order of the call.
func keyOneCall(f *fixture) {
	k, other := keyed(pub("a", "1"), "k"), keyed(pub("b", "1"), "k")
	acks := f.acks(pub("x", "1"), k, k, other, pub("y", "1"), k)
	for i, want := range []notifier.Ack{
		{ID: acks[0].ID.At(1)},
		{ID: acks[0].ID.At(2)},
		{ID: acks[0].ID.At(2), Duplicate: true},
		{Err: notifier.ErrConflict},
		{ID: acks[0].ID.At(3)},
		{ID: acks[0].ID.At(2), Duplicate: true},
	} {
		got := acks[i]
		if !errors.Is(got.Err, want.Err) || got.Duplicate != want.Duplicate || want.Err == nil && got.ID != want.ID {
			f.Errorf("ack %d is %+v, want %+v", i, got, want)
		}
	}
	f.restart()
	f.expect(everything("1"), answer{events: "x a y"})
}

// keyDroppedEvent: a key is remembered also when its event is not.
func keyDroppedEvent(f *fixture) {
	a := keyed(pub("a", "1"), "k")
	id := f.append(a)[0]
	f.words("1", "b c")
	f.restart()
	f.again(a, id)
	f.forget("1")
	f.restart()
	f.again(a, id)
	f.expect(everything("1"), answer{})
}

// keyWindow: the window begins with the first publication and is not prolonged.
func keyWindow(f *fixture) {
	a, b := keyed(pub("a", "1"), "k"), keyed(pub("b", "1"), "k")
	id := f.append(a)[0]
	time.Sleep(3 * time.Minute)
	f.restart()
	f.again(a, id)
	time.Sleep(2*time.Minute - time.Second)
	f.restart()
	f.again(a, id)
	time.Sleep(2 * time.Second)
	f.restart()
	second := f.append(b)[0]
	if ack := f.acks(a)[0]; !errors.Is(ack.Err, notifier.ErrConflict) {
		f.Errorf("the key names another publication now: %+v", ack)
	}
	time.Sleep(5*time.Minute - time.Second)
	f.restart()
	f.again(b, second)
	time.Sleep(2 * time.Second)
	f.restart()
	f.append(a)
	f.expect(everything("1"), answer{events: "a b a"})
}

func keyWindowByDefault(f *fixture) {
	a := keyed(pub("a", "1"), "k")
	id := f.append(a)[0]
	time.Sleep(journal.DefaultOptions.KeyWindow - time.Second)
	f.restart()
	f.again(a, id)
	time.Sleep(2 * time.Second)
	f.restart()
	f.append(a)
}

func keyNoWindow(f *fixture) {
	a := keyed(pub("a", "1"), "k")
	id := f.append(a)[0]
	for range 3 {
		time.Sleep(365 * day)
		f.restart()
		f.again(a, id)
	}
}

// keyAtOnce: of many that publish the same at once, one is first.
func keyAtOnce(f *fixture) {
	const publishers, keys = 16, 50
	acks := make([][keys]notifier.Ack, publishers)
	var all sync.WaitGroup
	for i := range publishers {
		all.Go(func() {
			for k := range keys {
				p := keyed(pub("x", "1"), string(rune('A'+k)))
				got, err := f.log.Append(f.Context(), []notifier.Publication{p})
				if err != nil {
					f.Errorf("Append: %v", err)
					return
				}
				acks[i][k] = got[0]
			}
		})
	}
	all.Wait()
	for k := range keys {
		first := 0
		for i := range publishers {
			if acks[i][k].ID != acks[0][k].ID {
				f.Fatalf("one key, two events: %+v, %+v", acks[0][k], acks[i][k])
			}
			if !acks[i][k].Duplicate {
				first++
			}
		}
		if first != 1 {
			f.Errorf("%d were the first", first)
		}
	}
	if events := f.pages(everything("1")); len(events) != keys {
		f.Errorf("%d events of %d keys", len(events), keys)
	}
}
