package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestPercentFor(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		name        string
		live        uint64
		before, now int
		want        int
	}{
		{"nobody is there yet", 4 * mib, 0, 0, frugal},
		{"the first come", 4 * mib, 0, 100, frugal},
		{"many more come", 8 * mib, 1000, 1100, frugal},
		{"a few more come", 8 * mib, 1000, 1010, 200},
		{"no more come", 8 * mib, 1000, 1000, 200},
		{"some go", 8 * mib, 1000, 500, 200},
		{"there is little", 0, 1, 1, 1000},
		{"half of it is more than room", 100 * mib, 1000, 1000, frugal},
	} {
		if got := percentFor(tt.live, tt.before, tt.now); got != tt.want {
			t.Errorf("%s: GOGC %d, want %d", tt.name, got, tt.want)
		}
	}
}

// GOGC is one for the process: these tests are not in parallel with others.

func TestAdjust(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	t.Setenv("GOGC", "")
	c := newCollecting()
	if got := gogc(); got != frugal {
		t.Fatalf("GOGC %d at the start", got)
	}
	for _, step := range []struct {
		open   int
		frugal bool
	}{{0, true}, {100, true}, {100, false}, {99, false}, {300, true}, {300, false}} {
		c.streams = func() int { return step.open }
		if c.adjust(8 << 20); (gogc() == frugal) != step.frugal {
			t.Errorf("GOGC %d with %d streams", gogc(), step.open)
		}
	}
}

func TestEachCollectionIsFollowed(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	t.Setenv("GOGC", "")
	asked := make(chan struct{})
	defer close(asked)
	newCollecting().follow(func() int { <-asked; return 1 })
	for range 3 {
		for followed := false; !followed; { // one that comes too early is none of ours
			runtime.GC()
			select {
			case asked <- struct{}{}:
				followed = true
			case <-time.After(time.Millisecond):
			}
		}
	}
}

func TestCollectingLeavesGOGC(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(123))
	t.Setenv("GOGC", "123")
	newCollecting().follow(func() int { t.Error("asked"); return 0 })
	runtime.GC()
	if got := gogc(); got != 123 {
		t.Errorf("GOGC %d", got)
	}
}

func gogc() uint64 {
	percent := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(percent)
	return percent[0].Value.Uint64()
}
