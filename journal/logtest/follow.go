package logtest

import (
	"slices"
	"strconv"
	"sync"

	"notifier"
)

var followTests = []test{
	{"follow/deliveries", false, unbounded, followDeliveries},
	{"follow/only what is new", false, bounded(1), followOnlyWhatIsNew},
	{"follow/before Append returns", false, unbounded, followBeforeAppendReturns},
	{"follow/read what was told", false, unbounded, followReadWhatWasTold},
}

// A follower remembers what it was told, and wakes those that wait for more.
type follower struct {
	mu   sync.Mutex
	wake sync.Cond // broadcast with every change
	told []notifier.Delivery
	busy bool // in tell
	over bool // nothing more will be told
	bad  string
}

// follow has a new follower told.
func (f *fixture) follow() *follower {
	fo := &follower{}
	fo.wake.L = &fo.mu
	f.log.Follow(fo.tell)
	return fo
}

func (fo *follower) tell(batch []notifier.Delivery) {
	fo.mu.Lock()
	if fo.busy {
		fo.bad = "told twice at once"
	}
	fo.busy = true
	fo.mu.Unlock()

	fo.mu.Lock()
	defer fo.mu.Unlock()
	if len(batch) == 0 {
		fo.bad = "told of nothing"
	}
	fo.told = append(fo.told, batch...)
	fo.busy = false
	fo.wake.Broadcast()
}

// finish says that nothing more will be told.
func (fo *follower) finish() {
	fo.mu.Lock()
	defer fo.mu.Unlock()
	fo.over = true
	fo.wake.Broadcast()
}

// wait returns when something after a position has been told: true. Or when
// nothing will be.
func (fo *follower) wait(seq uint64) bool {
	fo.mu.Lock()
	defer fo.mu.Unlock()
	for {
		if n := len(fo.told); n > 0 && fo.told[n-1].Event.ID.Seq > seq {
			return true
		}
		if fo.over {
			return false
		}
		fo.wake.Wait()
	}
}

func (fo *follower) deliveries() []notifier.Delivery {
	fo.mu.Lock()
	defer fo.mu.Unlock()
	return slices.Clone(fo.told)
}

// check compares what was told with the events of acks.
func (fo *follower) check(f *fixture, ids []notifier.ID) {
	f.Helper()
	told := fo.deliveries()
	if fo.bad != "" {
		f.Error(fo.bad)
	}
	if len(told) != len(ids) {
		f.Fatalf("told of %d events, %d were appended", len(told), len(ids))
	}
	for i, id := range ids {
		if told[i].Event.ID != id {
			f.Fatalf("delivery %d is %v, want %v", i, told[i].Event.ID, id)
		}
	}
}

// followDeliveries: the follower learns of every event, and whom it is for.
func followDeliveries(f *fixture) {
	fo := f.follow()
	pubs := []notifier.Publication{pub("a", "1"), pub("b", "2", "1"), toAll("c", ""), toAll("d", "1")}
	pubs[0].Name = "name"
	ids := f.append(pubs[0])
	ids = append(ids, f.append(pubs[1:]...)...)
	fo.check(f, ids)
	for i, d := range fo.deliveries() {
		p, ev := pubs[i], d.Event
		if !slices.Equal(d.Tokens, p.Tokens) || d.All != p.All || d.Except != p.Except {
			f.Errorf("%+v is told for %v, all %v, except %q", p, d.Tokens, d.All, d.Except)
		}
		if string(ev.Data) != string(p.Data) || ev.Name != p.Name || ev.TTL != p.TTL {
			f.Errorf("%+v is told as %+v", p, ev)
		}
	}
}

// followOnlyWhatIsNew: duplicates and conflicts are no events; what a bound drops
// at once is one.
func followOnlyWhatIsNew(f *fixture) {
	fo := f.follow()
	k, other := keyed(pub("a", "1"), "k"), keyed(pub("b", "1"), "k")
	acks := f.acks(k, k, other, pub("c", "1"), pub("d", "1"), k)
	f.acks(k)
	f.acks(k, other)
	f.acks()
	fo.check(f, []notifier.ID{acks[0].ID, acks[3].ID, acks[4].ID})
	f.restart()
	if f.reopen != nil {
		fo = f.follow() // hears only of what comes now
		f.acks(k)
		fo.check(f, f.words("1", "e f"))
	}
}

// followBeforeAppendReturns: whoever has an ack can rely on the follower, whatever
// others do; and the follower is told in order.
func followBeforeAppendReturns(f *fixture) {
	fo := f.follow()
	const publishers, calls = 8, 50
	var all sync.WaitGroup
	for i := range publishers {
		all.Go(func() {
			for range calls {
				pubs := []notifier.Publication{pub("x", strconv.Itoa(i)), toAll("y", "")}
				acks, err := f.log.Append(f.Context(), pubs)
				if err != nil {
					f.Errorf("Append: %v", err)
					return
				}
				if last := acks[1].ID; !fo.knows(last) {
					f.Errorf("%v is appended, and the follower has not heard of it", last)
				}
			}
		})
	}
	all.Wait()
	head := f.log.Head()
	var want []notifier.ID
	for seq := range head.Seq {
		want = append(want, head.At(seq+1))
	}
	fo.check(f, want)
	if head.Seq != 2*publishers*calls {
		f.Errorf("the head is %v after %d publications", head, 2*publishers*calls)
	}
}

func (fo *follower) knows(id notifier.ID) bool {
	return slices.ContainsFunc(fo.deliveries(), func(d notifier.Delivery) bool { return d.Event.ID == id })
}

// followReadWhatWasTold: what the follower is told can be read already, by others,
// while it is told.
func followReadWhatWasTold(f *fixture) {
	told, read := make(chan notifier.ID), make(chan struct{})
	f.log.Follow(func(batch []notifier.Delivery) {
		told <- batch[len(batch)-1].Event.ID
		<-read
	})
	var reader sync.WaitGroup
	reader.Go(func() {
		for last := range told {
			page, err := f.log.Replay(f.Context(), after(last.At(last.Seq-1), "1"))
			if err != nil || len(page.Events) != 1 || page.Events[0].ID != last || page.Next != last {
				f.Errorf("told of %v, read %+v, %v", last, page, err)
			}
			if head := f.log.Head(); head != last {
				f.Errorf("told of %v, and the head is %v", last, head)
			}
			read <- struct{}{}
		}
	})
	for range 20 {
		f.append(pub("x", "1"), pub("y", "2", "1"))
	}
	close(told)
	reader.Wait()
}
