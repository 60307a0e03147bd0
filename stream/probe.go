package stream

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"notifier"
)

// probed is the token of probes: none that a subscriber can have, or a publisher
// address.
const probed = "\x00probe"

var errProbing = errors.New("a probe is under way already")

// Probe appends an event that is for nobody else, and returns when it has come the
// way that events take, through the journal and the hub into a sink, and each worker
// has answered. The event is for live streams only, and no figure of the hub counts
// it. The error says how far it came.
//
// Only one probe may be under way. Probe may take longer than ctx: as long as
// append does.
func (h *Hub) Probe(ctx context.Context, append func(context.Context, []notifier.Publication) ([]notifier.Ack, error)) error {
	mark := rand.Text()
	s, sink := newProbe(h, mark)
	if !h.probe.CompareAndSwap(nil, s) {
		return errProbing
	}
	defer h.probe.Store(nil)
	data := []byte(`{"entityType":"probe","data":"` + mark + `"}`)
	if _, err := append(ctx, []notifier.Publication{{Tokens: []string{probed}, Data: data}}); err != nil {
		return fmt.Errorf("the journal did not take an event: %w", err)
	}
	if err := s.serve(ctx, sink.got); err != nil {
		return fmt.Errorf("an event was taken but not delivered: %w", err)
	}
	return h.workersAnswer(ctx)
}

// newProbe makes a shard for one stream alone, which nobody else knows.
func newProbe(h *Hub, mark string) (*shard, *probeSink) {
	s := newShard(h)
	sink := &probeSink{mark: []byte(mark), got: make(chan struct{})}
	t := &topic{shard: s, name: probed, open: 1, from: s.followed}
	t.streams = []*stream{{topic: t, sink: sink, state: live, pos: s.followed, live: s.followed}}
	s.topics[probed] = t
	return s, sink
}

// serve does a worker's job until done is closed.
func (s *shard) serve(ctx context.Context, done <-chan struct{}) error {
	for {
		select {
		case <-done:
			return nil
		case <-s.wake:
			s.work.Lock()
			s.round()
			s.work.Unlock()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (h *Hub) workersAnswer(ctx context.Context) error {
	for i, s := range h.shards {
		done := make(chan struct{})
		s.do(func() { close(done) })
		select {
		case <-done:
		case <-ctx.Done():
			return fmt.Errorf("worker %d of %d does not answer: %w", i+1, len(h.shards), context.Cause(ctx))
		}
	}
	return nil
}

// A probeSink takes everything, and tells when the mark came.
type probeSink struct {
	mark []byte
	got  chan struct{}
	seen bool
}

func (k *probeSink) write(b []byte) (int, error) {
	if !k.seen && bytes.Contains(b, k.mark) {
		k.seen = true
		close(k.got)
	}
	return len(b), nil
}

func (k *probeSink) address() string { return "" }
func (k *probeSink) end()            {}
func (k *probeSink) cut()            {}
