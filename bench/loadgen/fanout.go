//go:build linux

package main

import (
	"errors"
	"runtime"
	"time"
)

// crowd is many streams of one token, and a publisher.
type crowd struct {
	*bench
	book *ledger
	pool *pool
	pub  *publisher
	seq  uint32
	sent []int64 // by message, ns
	last []int64 // by message: its last delivery
}

// warmups are publications before the measured ones.
const warmups = 2

// fanout publishes to all streams at once: first one publication at a time, from
// its sending to its last delivery, then with several in flight.
func (b *bench) fanout() error {
	total := warmups + b.messages
	if b.window > 0 {
		total += b.messages
	}
	c := &crowd{bench: b, book: newLedger(b.streams, total, nil), sent: make([]int64, total), last: make([]int64, total)}
	cfg, err := b.poolConfig(func(int) string { return b.token(0) }, c.book)
	if err != nil {
		return err
	}
	if c.pub, err = b.newPublisher(max(b.window, 1), func(uint32) string { return b.token(0) }); err != nil {
		return err
	}
	defer c.pub.close()
	c.book.measured = func(m marker) bool { return m.seq >= warmups && int(m.seq) < warmups+b.messages }
	c.book.done = func(seq uint32, now int64) { c.last[seq] = now; c.pub.wake() }
	c.pool = newPool(cfg)
	defer c.pool.close()
	if _, err := c.pool.open(); err != nil {
		return err
	}
	time.Sleep(b.settle)
	runtime.GC()

	if err := c.oneByOne(); err != nil {
		return err
	}
	if b.window > 0 {
		c.pipelined()
	}
	time.Sleep(200 * time.Millisecond) // for those that come twice
	c.pool.close()
	newDist(c.book.delays).put(b.res, "delivery")
	c.pool.put(b.res)
	c.pub.put(b.res)
	return nil
}

func (c *crowd) publish() {
	c.sent[c.seq] = nowNs()
	c.pub.send(c.seq, c.sent[c.seq])
	c.seq++
}

// waitFor waits until message seq has arrived everywhere and is answered.
func (c *crowd) waitFor(seq uint32) error {
	limit := nowNs() + c.patience.Nanoseconds()
	for c.book.left[seq].Load() > 0 || c.pub.inFlight() > 0 {
		if nowNs() > limit {
			return errors.New("a publication did not reach all streams")
		}
		c.pub.poll(20e6)
	}
	return nil
}

func (c *crowd) oneByOne() error {
	var u usage
	var took []int64
	for i := range warmups + c.messages {
		if i == warmups {
			u = snap(c.server)
		}
		seq := c.seq
		c.publish()
		if err := c.waitFor(seq); err != nil {
			return err
		}
		if i >= warmups {
			took = append(took, c.last[seq]-c.sent[seq])
		}
	}
	use := u.since(c.server)
	newDist(took).put(c.res, "last")
	use.put(c.res, "")
	use.perMillion(c.res, "cpu_s_per_million", c.messages*c.streams)
	c.res["lost"] = c.messages*c.streams - c.book.delivered(warmups, c.seq)
	return nil
}

// pipelined keeps a window of publications in flight. They may overtake each other
// on their way to the server.
func (c *crowd) pipelined() {
	c.book.unordered.Store(true)
	first, total := c.seq, uint32(len(c.sent))
	u := snap(c.server)
	begin := nowNs()
	progress, before := begin, c.book.got.Load()
	for oldest := first; oldest < total; {
		for c.seq < total && int(c.seq-oldest) < c.window && c.pub.ready() {
			c.publish()
		}
		c.pub.poll(20e6)
		for oldest < c.seq && c.book.left[oldest].Load() <= 0 {
			oldest++
		}
		if got := c.book.got.Load(); got != before {
			before, progress = got, nowNs()
		} else if nowNs()-progress > c.patience.Nanoseconds() {
			break // what is lost is counted below
		}
	}
	use := u.since(c.server)
	delivered := c.book.delivered(first, total)
	c.res["pipelined_per_s"] = round(float64(delivered)/(float64(progress-begin)/1e9), 0)
	use.perMillion(c.res, "pipelined_cpu_s_per_million", delivered)
	c.res["pipelined_lost"] = c.messages*c.streams - delivered
}
