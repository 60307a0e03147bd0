package e2e

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"notifier/internal/ssetest"
)

// A subscriber holds a stream open as EventSource does: when it ends, for
// whatever reason, it waits as long as the server said and connects again with
// the last id that it saw.
type subscriber struct {
	url  string
	done chan struct{} // closed when it has ended

	// owned by run
	last  string
	retry time.Duration

	mu     sync.Mutex
	events []ssetest.Event
	opened int   // connections that were answered with a stream
	leave  []int // after how many events it drops its connection
}

// subscribe starts a subscriber, which ends with the test. Each number in leave
// makes it drop its connection once it has received that many events.
func subscribe(t *testing.T, url string, leave ...int) *subscriber {
	ctx, cancel := context.WithCancel(context.Background())
	s := &subscriber{url: url, done: make(chan struct{}), retry: 100 * time.Millisecond, leave: leave}
	go s.run(ctx)
	t.Cleanup(func() {
		cancel()
		<-s.done
	})
	return s
}

func (s *subscriber) run(ctx context.Context) {
	defer close(s.done)
	for ctx.Err() == nil {
		s.connect(ctx)
		select {
		case <-time.After(s.retry):
		case <-ctx.Done():
		}
	}
}

// connect reads one stream to its end.
func (s *subscriber) connect(ctx context.Context) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		panic(err) // a mistake in the test
	}
	if s.last != "" {
		req.Header.Set("Last-Event-ID", s.last)
	}
	resp, err := client.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return
	}
	s.mu.Lock()
	s.opened++
	s.mu.Unlock()

	r := ssetest.NewReader(resp.Body)
	r.Retry = func(ms string) {
		if n, err := strconv.Atoi(ms); err == nil {
			s.retry = time.Duration(n) * time.Millisecond
		}
	}
	for {
		ev, err := r.Next()
		if err != nil {
			return
		}
		s.last = ev.ID
		if s.received(ev) {
			return
		}
	}
}

// received notes an event and reports whether it is time to leave.
func (s *subscriber) received(ev ssetest.Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, ev)
	if len(s.leave) == 0 || len(s.events) < s.leave[0] {
		return false
	}
	s.leave = s.leave[1:]
	return true
}

// connections is how often it was given a stream.
func (s *subscriber) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// seen is what it has received so far.
func (s *subscriber) seen() []ssetest.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.events)
}
