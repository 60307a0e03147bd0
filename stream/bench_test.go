package stream

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"notifier"
)

// What the hub costs by itself: a log that only tells, and sinks that take
// everything and throw it away.

type teller struct {
	tell func([]notifier.Delivery)
	seq  atomic.Uint64
}

func (l *teller) Follow(tell func([]notifier.Delivery)) { l.tell = tell }
func (l *teller) Head() notifier.ID                     { return notifier.ID{Epoch: 1} }

// Replay has nothing but the position to go on from, for a stream that a flood of
// events has left behind.
func (l *teller) Replay(_ context.Context, q notifier.Query) (notifier.Page, error) {
	return notifier.Page{Start: q.After, Next: q.After.At(l.seq.Load())}, nil
}

func (l *teller) publish(n int, tokens ...string) {
	batch := make([]notifier.Delivery, n)
	for i := range batch {
		batch[i] = notifier.Delivery{
			Event:  notifier.Event{ID: notifier.ID{Epoch: 1, Seq: l.seq.Add(1)}, Data: data, TTL: time.Hour},
			Tokens: tokens,
		}
	}
	l.tell(batch)
}

var data = make([]byte, 200)

type discardSink struct{}

func (discardSink) write(b []byte) (int, error) { return len(b), nil }
func (discardSink) end()                        {}
func (discardSink) address() string             { return "" }
func (discardSink) cut()                        {}

// benchHub has streams of the token "1" and, beside them, one stream each of as
// many other tokens.
func benchHub(b *testing.B, streams, others int) (*Hub, *teller) {
	log := &teller{}
	h := New(log, Config{})
	open := func(token string) {
		st := &stream{sink: discardSink{}, chunked: true}
		if err := h.admit(st, []string{token}); err != nil {
			b.Fatal(err)
		}
		s := st.topic.shard
		s.do(func() { s.opened(st, nil) })
	}
	for range streams {
		open("1")
	}
	for i := range others {
		open(fmt.Sprint("other", i))
	}
	b.Cleanup(h.Stop)
	b.ReportAllocs()
	return h, log
}

// settle waits until the hub has nothing to do.
func settle(h *Hub) {
	for _, s := range h.shards {
		done := make(chan struct{})
		s.do(func() { close(done) })
		<-done
	}
}

// An event for one stream among many, as most are: written at once.
func BenchmarkOneStream(b *testing.B) {
	h, log := benchHub(b, 1, 10_000)
	settle(h)
	for b.Loop() {
		log.publish(1, "1")
	}
	settle(h)
}

// An event for a token that nobody listens to.
func BenchmarkNobody(b *testing.B) {
	h, log := benchHub(b, 1, 10_000)
	settle(h)
	for b.Loop() {
		log.publish(1, "nobody")
	}
}

// An event for ten thousand streams; the figures are for all of them together.
func BenchmarkFanOut10000(b *testing.B) {
	h, log := benchHub(b, 10_000, 0)
	settle(h)
	for b.Loop() {
		log.publish(1, "1")
		settle(h)
	}
}

// A batch of a hundred events for a thousand streams: each gets them in one write
// or few.
func BenchmarkBatch100FanOut1000(b *testing.B) {
	h, log := benchHub(b, 1000, 0)
	settle(h)
	for b.Loop() {
		log.publish(100, "1")
		settle(h)
	}
}

// Opening and closing a stream, without its connection.
func BenchmarkOpenClose(b *testing.B) {
	h, _ := benchHub(b, 0, 1000)
	settle(h)
	for b.Loop() {
		st := &stream{sink: discardSink{}, chunked: true}
		if err := h.admit(st, []string{"1"}); err != nil {
			b.Fatal(err)
		}
		s := st.topic.shard
		s.do(func() { s.opened(st, nil) })
		s.do(func() { s.close(st, Gone) })
	}
	settle(h)
}
