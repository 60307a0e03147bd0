//go:build linux

package main

import (
	"runtime"
	"time"
)

// idle opens streams, each with a token of its own, and lets them be: how fast
// they connect, and what they cost.
func (b *bench) idle() error {
	cfg, err := b.poolConfig(b.token, newLedger(b.streams, 0, nil))
	if err != nil {
		return err
	}
	p := newPool(cfg)
	defer p.close()
	runtime.GC()
	before, socketsBefore := rssOf(b.server), tcpMemory()
	connecting := snap(b.server)
	took, err := p.open()
	if err != nil {
		return err
	}
	connecting.since(b.server).put(b.res, "connect_")
	opened := rssOf(b.server)

	resting := snap(b.server)
	time.Sleep(b.length)
	resting.since(b.server).put(b.res, "idle_")
	after := rssOf(b.server)

	each := func(bytes int64) float64 { return round(float64(bytes)/float64(b.streams), 1) }
	b.res["connect_ms"], b.res["connects_per_s"] = ms(took.Nanoseconds()), round(float64(b.streams)/took.Seconds(), 0)
	b.res["rss_before"], b.res["rss_open"], b.res["rss_idle"] = before, opened, after
	b.res["rss_per_stream"] = each(after - before)
	b.res["kernel_per_stream"] = each(tcpMemory() - socketsBefore)
	p.close()
	p.put(b.res)
	return nil
}
