package journal

import (
	"context"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"notifier"
)

// BenchmarkAppend appends to a log that is as full as its bounds allow.
func BenchmarkAppend(b *testing.B) {
	hundred := notifier.Publication{Tokens: tokens(0, 100), Data: to("").Data, TTL: time.Hour}
	live := to("1")
	live.TTL = 0 // none worthless yet: there must be no looking for them
	keyed := to("1")
	for _, c := range []struct {
		name string
		pub  func(i int) notifier.Publication
	}{
		{"one token", func(int) notifier.Publication { return to("1") }},
		{"live only", func(int) notifier.Publication { return live }},
		{"other token each", func(i int) notifier.Publication { return to(strconv.Itoa(i)) }},
		{"100 tokens", func(int) notifier.Publication { return hundred }},
		{"key", func(i int) notifier.Publication { keyed.Key = strconv.Itoa(i); return keyed }},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := Memory(Options{MaxBytes: 64 << 20}).(*memory)
			for i := range 20_000 {
				publish(b, m, c.pub(-i))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				publish(b, m, c.pub(i))
			}
		})
	}
}

func BenchmarkAppendParallel(b *testing.B) {
	m := Memory(Options{}).(*memory)
	var workers atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		p := to(strconv.FormatInt(workers.Add(1), 10))
		for pb.Next() {
			publish(b, m, p)
		}
	})
}

// BenchmarkReplay reads the last 50 events of a token that is as full as its bound
// allows, beside 20 events for all.
func BenchmarkReplay(b *testing.B) {
	m := Memory(Options{}).(*memory)
	for i := range 2000 {
		publish(b, m, to("1"))
		if i%100 == 0 {
			publish(b, m, notifier.Publication{All: true, TTL: time.Hour})
		}
	}
	q := notifier.Query{Tokens: []string{"1"}, After: m.Head().At(m.seq - 50), Live: m.seq}
	b.ReportAllocs()
	for b.Loop() {
		page, err := m.Replay(context.Background(), q)
		if err != nil || len(page.Events) != 50 {
			b.Fatalf("%d events, %v", len(page.Events), err)
		}
	}
}

// BenchmarkMemoryGC collects garbage beside a million events: what they cost the
// collector is time that publications do not get.
func BenchmarkMemoryGC(b *testing.B) {
	for _, c := range []struct {
		name   string
		tokens int
	}{
		{"10000 tokens", 10_000},
		{"own tokens", 1_000_000},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := Memory(Options{MaxEvents: -1, MaxBytes: -1}).(*memory)
			data := to("").Data
			for i := range 1_000_000 {
				publish(b, m, notifier.Publication{
					Tokens: []string{strconv.Itoa(i % c.tokens)},
					Data:   append([]byte(nil), data...),
					TTL:    time.Hour,
				})
			}
			for b.Loop() {
				runtime.GC()
			}
			runtime.KeepAlive(m)
		})
	}
}
