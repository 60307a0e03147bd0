package node_test

import (
	"errors"
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
		"an event was taken but not delivered: context deadline exceeded\n": deaf{Log: journal.Memory(journal.Options{})},
		"the journal takes no events: no space\n":                           deaf{journal.Memory(journal.Options{}), errors.New("no space")},
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
	pipe := nodetest.NewPipe()
	n, err := node.NewOn(pipe, nil, events, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	wrapped := nodetest.Run(t, n, pipe.Client())
	defer wrapped.Stop(t)
	return wrapped.Get(t, "/readyz")
}
