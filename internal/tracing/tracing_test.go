package tracing

import (
	"context"
	"testing"

	"notifier"
	"notifier/journal"
)

// Without traces nothing is wrapped: publishing allocates what it did.
func TestOffCostsNothing(t *testing.T) {
	var off *Tracer
	log := journal.Memory(journal.Options{})
	defer log.Close()
	pubs := []notifier.Publication{{Tokens: []string{"1"}, Data: []byte("{}")}}
	allocs := func(append Append) float64 {
		return testing.AllocsPerRun(100, func() { append(context.Background(), pubs) })
	}
	if plain, wrapped := allocs(log.Append), allocs(off.Append(log.Append)); wrapped != plain {
		t.Errorf("%v allocations, without %v", wrapped, plain)
	}
	if off.Follow(nil) != nil || off.Handler("POST", "/api", nil) != nil || off.Close() != nil {
		t.Error("it is not off")
	}
}

// A batch is found for each of its events, for as long as it is remembered.
func TestFanOuts(t *testing.T) {
	var f fanOuts
	if _, ok := f.of(1); ok {
		t.Error("one was found before there was any")
	}
	last := uint64(5) // of an earlier process
	for i := range 3 * len(f.ring) {
		n := i%3 + 1
		last += uint64(n)
		f.add(fanOut{last: last, events: n})
		for seq := last - uint64(n) + 1; seq <= last; seq++ {
			if b, ok := f.of(seq); !ok || b.last != last {
				t.Fatalf("%d: found %+v %v, want %d", seq, b, ok, last)
			}
		}
	}
	for seq, want := range map[uint64]bool{last + 1: false, last - 1000: true, 6: false} {
		if _, ok := f.of(seq); ok != want {
			t.Errorf("%d: %v", seq, ok)
		}
	}
}
