package logtest

import (
	"context"
	"errors"
	"strconv"
	"time"

	"notifier"
)

var appendTests = []test{
	{"append/ids", false, unbounded, appendIDs},
	{"append/fields", false, unbounded, appendFields},
	{"append/nothing", false, unbounded, appendNothing},
	{"append/many tokens", false, unbounded, appendManyTokens},
	{"append/cancelled", false, unbounded, appendCancelled},
}

// appendIDs: ids count publications, whatever they are, from 1 on, and the head is
// the last.
func appendIDs(f *fixture) {
	origin := f.log.Head()
	if origin.Epoch == 0 || origin.Epoch > notifier.MaxEpoch || origin.Seq != 0 {
		f.Fatalf("the head of an empty log is %+v", origin)
	}
	f.restart()
	ids := f.append(pub("a", "1"))
	ids = append(ids, f.append(pub("b", "1", "2", "3"), toAll("c", ""), pub("d", "2"))...)
	f.restart()
	if head := f.log.Head(); head != origin.At(4) {
		f.Errorf("the head is %v after %v", head, ids)
	}
	ids = append(ids, f.append(pub("e", "1"))...)
	for i, id := range ids {
		if want := origin.At(uint64(i) + 1); id != want {
			f.Errorf("publication %d is %v, want %v", i, id, want)
		}
	}
	if head := f.log.Head(); head != ids[4] {
		f.Errorf("the head is %v after %v", head, ids)
	}
}

// appendFields: an event is what was published, at the time it was taken.
func appendFields(f *fixture) {
	pubs := []notifier.Publication{
		{Tokens: []string{"1"}, Data: []byte(`{"entityType":"like","data":{"by":"arya","ü":1e400}}`), Name: "like", TTL: long},
		{Tokens: []string{"1"}, Data: []byte("\x00\xff\n"), TTL: 1500 * time.Millisecond},
		{Tokens: []string{"1"}, Data: nil, TTL: 0},
	}
	from := time.Now()
	ids := f.append(pubs...)
	to := time.Now()
	f.restart()
	events := f.read(everything("1")).Events
	if len(events) != len(pubs) {
		f.Fatalf("%d events", len(events))
	}
	for i, ev := range events {
		p := pubs[i]
		if ev.ID != ids[i] || ev.Name != p.Name || ev.TTL != p.TTL || string(ev.Data) != string(p.Data) {
			f.Errorf("%+v became %+v", p, ev)
		}
		if ev.Time.UnixMilli() < from.UnixMilli() || ev.Time.After(to) {
			f.Errorf("taken at %v, appended from %v to %v", ev.Time, from, to)
		}
	}
}

func appendNothing(f *fixture) {
	head := f.log.Head()
	f.acks()
	if got := f.log.Head(); got != head {
		f.Errorf("the head moved from %v to %v", head, got)
	}
}

// appendManyTokens: a publication for many tokens is one event, the same for each.
func appendManyTokens(f *fixture) {
	var tokens []string
	for i := range 300 {
		tokens = append(tokens, strconv.Itoa(i))
	}
	ids := f.append(pub("before", "7"), pub("wide", tokens...), pub("after", "7"))
	f.restart()
	for _, token := range tokens {
		events := f.read(after(ids[0], token)).Events
		if len(events) == 0 || events[0].ID != ids[1] || string(events[0].Data) != "wide" {
			f.Fatalf("token %s has %+v", token, events)
		}
	}
	f.expect(everything(tokens...), answer{events: "before wide after"})
}

// appendCancelled: a call whose context is over takes nothing.
func appendCancelled(f *fixture) {
	told := f.follow()
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	_, err := f.log.Append(ctx, []notifier.Publication{keyed(pub("a", "1"), "k")})
	if !errors.Is(err, context.Canceled) {
		f.Errorf("Append: %v", err)
	}
	if _, err := f.log.Replay(ctx, everything("1")); !errors.Is(err, context.Canceled) {
		f.Errorf("Replay: %v", err)
	}
	if _, err := f.log.Forget(ctx, "1"); !errors.Is(err, context.Canceled) {
		f.Errorf("Forget: %v", err)
	}
	f.restart()
	if head := f.log.Head(); head.Seq != 0 || len(told.deliveries()) != 0 {
		f.Errorf("the head is %v, the follower was told %v", head, told.deliveries())
	}
	f.append(keyed(pub("b", "1"), "k"))
	f.expect(everything("1"), answer{events: "b"})
}
