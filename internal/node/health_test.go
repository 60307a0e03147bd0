package node_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"notifier"
	"notifier/internal/config"
	"notifier/internal/node"
	"notifier/internal/nodetest"
	"notifier/journal"
)

// A deaf journal takes everything and tells nobody, if it is ill it says so.
type deaf struct {
	journal.Log
	ill error
}

func (deaf) Follow(func([]notifier.Delivery)) {}
func (d deaf) Health() error                  { return d.ill }

// Readiness is not what anybody believes, but what an event has proved.
func TestReadyNeedsADelivery(t *testing.T) {
	for want, log := range map[string]journal.Log{
		"an event was taken but not delivered: not within a second\n": deaf{Log: journal.Memory(journal.Options{})},
		"the journal takes no events: no space\n":                     deaf{journal.Memory(journal.Options{}), errors.New("no space")},
	} {
		synctest.Test(t, func(t *testing.T) {
			defer log.Close()
			status, text := asked(t, log)
			if status != 503 || text != want {
				t.Errorf("%d %q, want %q", status, text, want)
			}
		})
	}
}

// asked is what a node on the journal says of itself.
func asked(t *testing.T, events journal.Log) (int, string) {
	t.Helper()
	cfg := config.Default()
	cfg.Data = config.Memory
	pipe := nodetest.NewPipe()
	n, err := node.NewOn(pipe, nil, events, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done, stop := running(t, n)
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	resp, err := pipe.Client().Get("http://localhost/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// running runs a node until stop is called, and then says how it ended.
func running(t *testing.T, n *node.Node) (done <-chan error, stop func()) {
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- n.Run(ctx) }()
	return over, stop
}

// Nobody sees the event that readiness is proved with.
func TestReadyLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t, presence, func(c *config.Config) { c.Heartbeat = time.Hour })
		watcher := n.Open(t, "token=w")
		for range 10 {
			if status, text := n.Get(t, "/readyz"); status != 200 || text != "ready\n" {
				t.Errorf("%d %q", status, text)
			}
			time.Sleep(5 * time.Second)
		}
		n.Post(t, "/api", `{"tokens":["w"],"entityType":"first"}`)
		if ev, err := watcher.Next(); err != nil || !strings.Contains(ev.Data, "first") {
			t.Errorf("%+v, %v", ev, err)
		}
		if _, answer := n.Do(t, "GET", "/api/streams", ""); answer["streams"] != 1.0 || answer["tokens"] != 1.0 {
			t.Errorf("%v", answer)
		}
		if got := scrape(t, n); got["notifier_streams_opened_total"] != 1 || got["notifier_deliveries_total"] != 1 || got["notifier_journal_batch_events_count"] < 11 {
			t.Errorf("%v streams, %v deliveries, %v batches", got["notifier_streams_opened_total"], got["notifier_deliveries_total"], got["notifier_journal_batch_events_count"])
		}
	})
}
