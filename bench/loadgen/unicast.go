//go:build linux

package main

import (
	"runtime"
	"sync/atomic"
	"time"
)

// mostPerSecond is more than any server here takes; it bounds the ledger.
const mostPerSecond = 400_000

// traffic is many streams, each with a token of its own, and publications to one
// of them at a time.
type traffic struct {
	*bench
	book *ledger
	pub  *publisher
	seq  uint32

	measuredFrom uint32       // first message that is measured
	measuredAt   atomic.Int64 // when it was due, ns; 0 before
	use          usage        // from then on
}

// unicast publishes to one stream after another, at a rate or as fast as it is
// answered. Delays count from when a message was due, not from when it could be
// sent: a server that stalls is not given time to recover.
func (b *bench) unicast() error {
	total := int(b.rate * (b.warmup + b.length).Seconds())
	if b.saturate {
		total = int(mostPerSecond * (b.warmup + b.length).Seconds())
	}
	// All streams in turn, but not in the order in which they were opened.
	stream := func(seq uint32) int { return int(uint64(seq) * 2654435761 % uint64(b.streams)) }
	t := &traffic{bench: b, book: newLedger(b.streams, total, stream)}
	// At a rate, the message before is answered long before a stream's turn comes
	// again. Without one, a request that takes long is overtaken by later ones.
	t.book.unordered.Store(b.saturate)
	t.book.measured = func(m marker) bool { at := t.measuredAt.Load(); return at != 0 && m.ns >= at }
	cfg, err := b.poolConfig(b.token, t.book)
	if err != nil {
		return err
	}
	if t.pub, err = b.newPublisher(b.publishers, func(seq uint32) string { return b.token(stream(seq)) }); err != nil {
		return err
	}
	defer t.pub.close()
	p := newPool(cfg)
	defer p.close()
	if _, err := p.open(); err != nil {
		return err
	}
	time.Sleep(b.settle)
	runtime.GC()

	rss := rssOf(b.server)
	var took time.Duration
	if b.saturate {
		took = t.closedLoop(total)
	} else {
		took = t.openLoop(total)
	}
	t.pub.drain(t.book, int64(t.seq), b.patience)
	use := t.use.since(b.server)
	time.Sleep(200 * time.Millisecond) // for those that come twice
	b.res["rss_before"], b.res["rss_after"] = rss, rssOf(b.server)
	p.close()
	t.put(use, took)
	p.put(b.res)
	return nil
}

func (t *traffic) beginMeasuring(at int64) {
	t.use, t.measuredFrom, t.pub.timing = snap(t.server), t.seq, true
	t.measuredAt.Store(at)
}

// openLoop sends when a message is due, whether or not the ones before are answered.
func (t *traffic) openLoop(total int) time.Duration {
	begin := nowNs() + 1e6
	due := func(seq uint32) int64 { return begin + int64(float64(seq)/t.rate*1e9) }
	first := uint32(t.rate * t.warmup.Seconds())
	giveUp := due(uint32(total)) + t.patience.Nanoseconds()
	for int(t.seq) < total && nowNs() < giveUp {
		now := nowNs()
		switch {
		case !t.pub.ready():
			t.pub.poll(20e6)
		case due(t.seq) > now:
			t.pub.poll(due(t.seq) - now)
		default:
			if t.seq == first {
				t.beginMeasuring(due(first))
			}
			t.pub.send(t.seq, due(t.seq))
			t.seq++
			if t.seq%16 == 0 { // lets answers in during a burst
				t.pub.poll(0)
			}
		}
	}
	t.res["unsent"] = total - int(t.seq)
	return time.Duration(nowNs() - due(first))
}

// closedLoop sends on every connection as soon as it has its answer.
func (t *traffic) closedLoop(total int) time.Duration {
	warm := nowNs() + t.warmup.Nanoseconds()
	end := warm + t.length.Nanoseconds()
	for now := nowNs(); now < end; now = nowNs() {
		if now >= warm && t.measuredAt.Load() == 0 {
			t.beginMeasuring(now)
		}
		for t.pub.ready() && int(t.seq)+t.lines <= total {
			t.pub.send(t.seq, nowNs())
			t.seq += uint32(t.lines)
		}
		t.pub.poll(20e6)
	}
	return time.Duration(nowNs() - t.measuredAt.Load())
}

func (t *traffic) put(use usage, took time.Duration) {
	delivered := t.book.delivered(t.measuredFrom, t.seq)
	t.res["sent"], t.res["lost"] = t.seq, int(t.seq)-t.book.delivered(0, t.seq)
	t.res["published_per_s"] = round(float64(t.seq-t.measuredFrom)/took.Seconds(), 0)
	newDist(t.book.delays).put(t.res, "delivery")
	use.put(t.res, "")
	use.perMillion(t.res, "cpu_s_per_million", delivered)
	t.pub.put(t.res)
}
