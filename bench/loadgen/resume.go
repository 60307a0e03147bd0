//go:build linux

package main

import (
	"errors"
	"runtime"
	"time"
)

// away is how long streams are gone before what they miss is published.
const away = 300 * time.Millisecond

// resume gives each stream an event, cuts all streams at once, publishes what they
// miss, and lets all come back with their last id: how long it takes until
// everybody has everything.
func (b *bench) resume() error {
	total := b.streams * (1 + b.missed)
	stream := func(seq uint32) int { return int(seq) % b.streams }
	book := newLedger(b.streams, total, stream)
	cfg, err := b.poolConfig(b.token, book)
	if err != nil {
		return err
	}
	pub, err := b.newPublisher(b.publishers, func(seq uint32) string { return b.token(stream(seq)) })
	if err != nil {
		return err
	}
	defer pub.close()

	cfg.lastIDs = make([]string, b.streams)
	before := newPool(cfg)
	defer before.close()
	if _, err := before.open(); err != nil {
		return err
	}
	time.Sleep(b.settle)
	b.round(pub, 0)
	pub.drain(book, int64(b.streams), b.patience)
	before.close()
	if book.delivered(0, uint32(b.streams)) < b.streams {
		return errors.New("events were lost before the streams were cut")
	}
	time.Sleep(away)
	for i := range b.missed {
		b.round(pub, i+1)
	}
	pub.put(b.res)
	return b.comeBack(pub, cfg, total)
}

// round publishes one message for each stream and waits for the answers, so that a
// stream's messages are published in order.
func (b *bench) round(pub *publisher, i int) {
	for seq := i * b.streams; seq < (i+1)*b.streams; seq++ {
		for !pub.ready() {
			pub.poll(1e9)
		}
		pub.send(uint32(seq), nowNs())
	}
	for pub.inFlight() > 0 {
		pub.poll(1e9)
	}
}

func (b *bench) comeBack(pub *publisher, cfg poolConfig, total int) error {
	runtime.GC()
	// The ledger goes on: what comes again from before the cut is doubled.
	book := cfg.book
	first := uint32(b.streams)
	book.delays = book.delays[:0]
	begin := nowNs()
	complete := make([]int64, 0, b.streams)
	have := make([]int, b.streams)
	book.done = func(seq uint32, now int64) {
		i := book.only(seq)
		if have[i]++; have[i] == b.missed {
			complete = append(complete, now-begin)
		}
	}
	p := newPool(cfg)
	defer p.close()
	u := snap(b.server)
	rss := rssOf(b.server)
	if _, err := p.open(); err != nil {
		return err
	}
	pub.drain(book, int64(total), b.patience)
	use := u.since(b.server)
	b.res["rss_before"], b.res["rss_after"] = rss, rssOf(b.server)
	time.Sleep(200 * time.Millisecond) // for those that come twice
	p.close()

	b.res["missed"] = b.missed
	b.res["lost"] = total - b.streams - book.delivered(first, uint32(total))
	newDist(complete).put(b.res, "complete") // since the first came back
	use.put(b.res, "")
	use.perMillion(b.res, "cpu_s_per_million", book.delivered(first, uint32(total)))
	p.put(b.res)
	return nil
}
