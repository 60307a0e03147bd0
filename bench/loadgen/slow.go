//go:build linux

package main

import (
	"runtime"
	"sync/atomic"
	"time"
)

// stuckBuffer is the receive buffer of streams that never read; small, so that
// what the server does with them begins early.
const stuckBuffer = 4096

// slow publishes to streams beside which others, of the same token, never read:
// what that does to the ones that read, and to the server's memory.
func (b *bench) slow() error {
	total := int(b.rate * b.length.Seconds())
	book := newLedger(b.streams, total, nil)
	book.unordered.Store(true) // several connections publish to one token
	cfg, err := b.poolConfig(func(int) string { return b.token(0) }, book)
	if err != nil {
		return err
	}
	pub, err := b.newPublisher(b.publishers, func(uint32) string { return b.token(0) })
	if err != nil {
		return err
	}
	defer pub.close()
	readers := newPool(cfg)
	defer readers.close()
	if _, err := readers.open(); err != nil {
		return err
	}
	cfg.n, cfg.neverRead, cfg.receiveBuffer = b.stuck, true, stuckBuffer
	stuck := newPool(cfg)
	defer stuck.close()
	if _, err := stuck.open(); err != nil {
		return err
	}
	time.Sleep(b.settle)
	runtime.GC()

	b.res["rss_before"] = rssOf(b.server)
	peak := watchPeak(b.server)
	u := snap(b.server)
	sent := b.steadily(pub, total)
	pub.drain(book, int64(sent)*int64(b.streams), b.patience)
	use := u.since(b.server)
	b.res["rss_peak"], b.res["rss_after"] = peak(), rssOf(b.server)
	readers.close()
	stuck.close()

	delivered := book.delivered(0, sent)
	b.res["stuck"], b.res["sent"], b.res["unsent"] = b.stuck, sent, total-int(sent)
	b.res["lost"] = int(sent)*b.streams - delivered
	newDist(book.delays).put(b.res, "delivery")
	use.put(b.res, "")
	use.perMillion(b.res, "cpu_s_per_million", delivered)
	readers.put(b.res)
	pub.put(b.res)
	return nil
}

// steadily publishes at the rate, and returns how many could be sent in time.
func (b *bench) steadily(pub *publisher, total int) uint32 {
	begin := nowNs() + 1e6
	due := func(seq uint32) int64 { return begin + int64(float64(seq)/b.rate*1e9) }
	giveUp := due(uint32(total)) + b.patience.Nanoseconds()
	seq := uint32(0)
	for int(seq) < total && nowNs() < giveUp {
		switch now := nowNs(); {
		case !pub.ready():
			pub.poll(20e6)
		case due(seq) > now:
			pub.poll(due(seq) - now)
		default:
			pub.send(seq, due(seq))
			seq++
		}
	}
	return seq
}

// watchPeak looks at the memory of processes twenty times a second until the
// function that it returns is called, which tells the most that was seen.
func watchPeak(pids []int) func() int64 {
	var peak atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			peak.Store(max(peak.Load(), rssOf(pids)))
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-stopped
		return peak.Load()
	}
}
