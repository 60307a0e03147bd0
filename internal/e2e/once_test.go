package e2e

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"notifier/internal/config"
	"notifier/internal/nodetest"
	"notifier/internal/ssetest"
)

// TestOnceInOrder publishes from several sides while every stream is cut again
// and again, those of one token by the server and those of the other by their
// clients. In the end each client has each of its events once, all of a token in
// the same order.
func TestOnceInOrder(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.Retry = 100 * time.Millisecond })
	since := fmt.Sprintf("&since=%d", time.Now().Unix()-1)
	var revoked, leaving []*subscriber
	for range 4 {
		// Until its first event a client has no id; since is what it falls back on.
		revoked = append(revoked, subscribe(t, n.URL+"/events?token=revoked"+since))
		leaving = append(leaving, subscribe(t, n.URL+"/events?token=leaving"+since, 20, 60, 100))
	}
	all := slices.Concat(revoked, leaving)

	want := map[string][]ssetest.Event{}
	const rounds = 4
	for round := range rounds {
		eventually(t, "everybody is connected", func() bool {
			return openStreams(t, n.URL, "revoked") == len(revoked) && openStreams(t, n.URL, "leaving") == len(leaving)
		})
		done := make(chan []sent)
		go func() { done <- publishAll(n.URL, round) }()
		if round < rounds-1 {
			if closed := cut(t, n.URL, "revoked"); closed != len(revoked) {
				t.Errorf("closed %d streams, want %d", closed, len(revoked))
			}
		}
		for _, s := range <-done {
			if s.err != nil {
				t.Fatal(s.err)
			}
			for _, token := range s.Tokens {
				want[token] = append(want[token], ssetest.Event{Type: s.Event, Data: s.wire(), ID: s.ID})
			}
		}
	}

	for _, s := range all {
		token := "leaving"
		if slices.Contains(revoked, s) {
			token = "revoked"
		}
		eventually(t, "a client has everything", func() bool { return len(s.seen()) >= len(want[token]) })
		checkSeen(t, token, s.seen(), journalOrder(t, n.URL, token, want[token]))
		if c := s.connections(); c != rounds {
			t.Errorf("a client of %s connected %d times, want %d", token, c, rounds)
		}
	}
}

// sent is a publication and what came of it.
type sent struct {
	publication
	receipt
	err error
}

// publishAll publishes 50 events from four sides at once, in turn for one token,
// for the other, and for both.
func publishAll(base string, round int) []sent {
	var mu sync.Mutex
	var all []sent
	var publishers sync.WaitGroup
	for p := range 4 {
		publishers.Go(func() {
			for i := p; i < 50; i += 4 {
				s := sent{publication: publication{Event: "n", Data: fmt.Sprintf("%d.%d", round, i)}}
				s.Tokens = [][]string{{"revoked"}, {"leaving"}, {"revoked", "leaving"}}[i%3]
				s.receipt, s.err = post(client, base, s.publication)
				mu.Lock()
				all = append(all, s)
				mu.Unlock()
			}
		})
	}
	publishers.Wait()
	return all
}

// journalOrder sorts events as the journal has them.
func journalOrder(t *testing.T, base, token string, events []ssetest.Event) []ssetest.Event {
	t.Helper()
	kept := call[struct{ Events []receipt }](t, "GET", base+"/api/events?limit=1000&token="+token).Events
	if len(kept) != len(events) {
		t.Fatalf("%d events of %s are kept, %d were published", len(kept), token, len(events))
	}
	byID := map[string]ssetest.Event{}
	for _, ev := range events {
		byID[ev.ID] = ev
	}
	ordered := make([]ssetest.Event, len(kept))
	for i, k := range kept {
		ordered[i] = byID[k.ID]
	}
	return ordered
}

// checkSeen says where what a client has seen differs first from what it should.
func checkSeen(t *testing.T, client string, seen, want []ssetest.Event) {
	t.Helper()
	var err error
	for i := range min(len(seen), len(want)) {
		if seen[i] != want[i] {
			err = fmt.Errorf("event %d is %+v, want %+v", i, seen[i], want[i])
			break
		}
	}
	if len(seen) != len(want) {
		err = errors.Join(err, fmt.Errorf("%d events, want %d", len(seen), len(want)))
	}
	if err != nil {
		t.Errorf("client of %s: %v", client, err)
	}
}
