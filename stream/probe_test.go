package stream

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"notifier"
	"notifier/journal"
)

type probeAppend = func(context.Context, []notifier.Publication) ([]notifier.Ack, error)

// probe is a hub's probe with the second that it has.
func probe(h *Hub, append probeAppend) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return h.Probe(ctx, append)
}

// bubble runs test with a hub that is told of nobody else's streams.
func bubble(t *testing.T, test func(*testing.T, *Hub, journal.Log)) {
	synctest.Test(t, func(t *testing.T) {
		log := journal.Memory(journal.Options{})
		never := func(string) { t.Error("presence has changed") }
		h := New(log, Config{Changed: never, Ended: func(End) { t.Error("a stream has ended") }})
		defer h.Stop()
		test(t, h, log)
	})
}

// A probe comes through, again and again and beside other events, and nothing tells
// of it.
func TestProbe(t *testing.T) {
	bubble(t, func(t *testing.T, h *Hub, log journal.Log) {
		among := func(ctx context.Context, pubs []notifier.Publication) ([]notifier.Ack, error) {
			all := notifier.Publication{All: true, Data: []byte("{}")}
			return log.Append(ctx, []notifier.Publication{all, pubs[0], all})
		}
		for i := range 20 {
			for _, append := range []probeAppend{log.Append, among} {
				if err := probe(h, append); err != nil {
					t.Fatalf("probe %d: %v", i, err)
				}
			}
		}
		if got := h.Stats(); !reflect.DeepEqual(got, Stats{Closed: map[Reason]uint64{}}) {
			t.Errorf("it is counted: %+v", got)
		}
		if page, n, _ := h.Online("", "", 10); n != 0 {
			t.Errorf("it is online: %+v", page)
		}
		page, err := log.Replay(t.Context(), notifier.Query{Tokens: []string{probed}, Live: log.Head().Seq})
		if err != nil || len(page.Events) != 0 {
			t.Errorf("%d events are kept, %v", len(page.Events), err)
		}
	})
}

// What a probe says depends on how far it came.
func TestProbeFails(t *testing.T) {
	full := errors.New("disk full")
	for want, f := range map[string]func(*Hub, journal.Log) error{
		"journal did not take an event: disk full": func(h *Hub, _ journal.Log) error {
			return probe(h, func(context.Context, []notifier.Publication) ([]notifier.Ack, error) { return nil, full })
		},
		"taken but not delivered": func(h *Hub, _ journal.Log) error {
			return probe(h, func(context.Context, []notifier.Publication) ([]notifier.Ack, error) { return nil, nil })
		},
		"worker 1 of": func(h *Hub, log journal.Log) error {
			stuck := make(chan struct{})
			defer close(stuck)
			h.shards[0].do(func() { <-stuck })
			return probe(h, log.Append)
		},
		"under way": func(h *Hub, log journal.Log) (err error) {
			return probe(h, func(ctx context.Context, pubs []notifier.Publication) ([]notifier.Ack, error) {
				if inner := probe(h, log.Append); !errors.Is(inner, errProbing) {
					return nil, inner
				}
				return nil, errProbing
			})
		},
	} {
		bubble(t, func(t *testing.T, h *Hub, log journal.Log) {
			if err := f(h, log); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
			if err := probe(h, log.Append); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}
