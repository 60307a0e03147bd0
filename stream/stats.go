package stream

import (
	"math/bits"
	"time"
)

// Stats is what a hub has done since it was made, and what it does now.
type Stats struct {
	Open       int // streams
	Slow       int // of them, whose client does not read
	CatchingUp int // of them, which read the journal

	Opened     uint64
	Closed     map[Reason]uint64
	Deliveries uint64 // events handed to a stream each
	Bytes      uint64

	// Latency is how long events took from the journal's clock until every stream
	// of a token that keeps up had been written to. An event for several tokens
	// counts for each, several events that are written together count as the first.
	Latency Histogram
}

// A Histogram counts durations in buckets, each of which ends at twice the end of
// the one before.
type Histogram struct {
	Counts [latencyBuckets + 1]uint64 // the last is for all that is longer
	Sum    time.Duration
}

const (
	latencyBuckets = 18
	firstBucket    = 100 * time.Microsecond // to 13 s
)

// Bound is where a bucket but the last ends, itself included.
func (*Histogram) Bound(bucket int) time.Duration { return firstBucket << bucket }

func (h *Histogram) add(d time.Duration) {
	d = max(d, 0) // clocks can be set
	h.Sum += d
	h.Counts[min(bits.Len64(uint64(max(d-1, 0)/firstBucket)), latencyBuckets)]++
}

// A tally is a shard's part of [Stats]; it belongs to whoever holds the shard's
// work.
type tally struct {
	opened     uint64
	closed     map[Reason]uint64
	deliveries uint64
	bytes      uint64
	states     [closed + 1]int
	latency    Histogram
}

// Stats stops each worker for a moment.
func (h *Hub) Stats() Stats {
	all := Stats{Open: h.Total(), Closed: map[Reason]uint64{}}
	for _, s := range h.shards {
		s.work.Lock()
		s.tally.addTo(&all)
		s.work.Unlock()
	}
	return all
}

func (t *tally) addTo(all *Stats) {
	all.Slow += t.states[blocked]
	all.CatchingUp += t.states[catching]
	all.Opened += t.opened
	all.Deliveries += t.deliveries
	all.Bytes += t.bytes
	for why, n := range t.closed {
		all.Closed[why] += n
	}
	all.Latency.Sum += t.latency.Sum
	for i, n := range t.latency.Counts {
		all.Latency.Counts[i] += n
	}
}

// An End is how a stream has ended.
type End struct {
	// Token is the subscriber's own: not for logs.
	Token    string
	Reason   Reason
	Duration time.Duration
	Events   uint64
	Bytes    uint64
}
