package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// frugal is the GOGC of a server whose clients are connecting, which leaves ten
	// times as much garbage behind as it needs for them afterwards.
	frugal = 50
	// room is how much garbage there may be, in bytes, when no more clients come.
	// Publications leave little, and the smaller a heap is the more often it would be
	// looked through for that: each time many of them would be late.
	room = 16 << 20
)

// A collecting sets how much garbage there may be next, each time that Go's collector
// has looked for it.
type collecting struct {
	streams func() int // that are open
	before  int        // streams, the last time
	percent int        // that is set
}

// newCollecting begins with frugal. It returns nil if GOGC is in the environment, which
// goes before.
func newCollecting() *collecting {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	debug.SetGCPercent(frugal)
	return &collecting{percent: frugal}
}

// follow looks at the number of open streams from now on, for as long as the process
// runs. streams may be called at any time.
func (c *collecting) follow(streams func() int) {
	if c != nil {
		c.streams = streams
		c.await()
	}
}

// await has collected called after the next collection, in a goroutine of the
// runtime's: then nobody has the object any more that is made here.
func (c *collecting) await() {
	type unused struct{ _ [64]byte } // not so small that it shares a block with others
	runtime.AddCleanup(&unused{}, (*collecting).collected, c)
}

func (c *collecting) collected() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	c.adjust(live[0].Value.Uint64())
	c.await()
}

func (c *collecting) adjust(live uint64) {
	now := c.streams()
	c.set(percentFor(live, c.before, now))
	c.before = now
}

// set spares the runtime small changes: it stops everything for each.
func (c *collecting) set(percent int) {
	if percent != frugal && 8*max(percent-c.percent, c.percent-percent) < c.percent {
		return
	}
	if percent != c.percent {
		c.percent = percent
		debug.SetGCPercent(percent)
	}
}

// percentFor is the GOGC for a heap of which so many bytes are in use, and a server
// that had so many streams when it was last asked and has so many now.
func percentFor(live uint64, before, now int) int {
	if now == 0 || now > before+before/50 {
		return frugal
	}
	return max(frugal, int(100*room/max(live, room/10)))
}
