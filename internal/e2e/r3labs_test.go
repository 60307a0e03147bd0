package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/r3labs/sse/v2"
	"gopkg.in/cenkalti/backoff.v1"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// TestR3labs has the client of github.com/r3labs/sse as reader, which is stricter
// than a browser in one way: a block of the stream without data is an event to it.
func TestR3labs(t *testing.T) {
	t.Parallel()
	n := nodetest.Start(t, func(c *config.Config) { c.Heartbeat = time.Second })
	l := newR3labs(n.URL + "/events")
	stop := l.listen(t, "1")
	defer stop()
	eventually(t, "the stream is open", func() bool { return openStreams(t, n.URL, "1") == 1 })

	one := publication{Tokens: []string{"1"}, Type: "like", Data: map[string]int{"post": 7}}
	two := publication{Tokens: []string{"1"}, Event: "like", Data: "two"}
	first := publish(t, n.URL, one).ID
	later := comments(t, n, "1") // what has come on this stream, has come on the other
	eventually(t, "there have been heartbeats", func() bool { return later.Load() >= 1+2 })
	second := publish(t, n.URL, two).ID
	want := []string{
		fmt.Sprintf("%s  %s", first, one.wire()),
		fmt.Sprintf("%s like %s", second, two.wire()),
	}
	eventually(t, "both events have come", func() bool { return len(l.seen()) >= len(want) })
	if got := l.seen(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}

	cut(t, n.URL, "1")
	stop()
	third := publish(t, n.URL, one).ID
	defer l.listen(t, "1")()
	eventually(t, "the client is back", func() bool { return openStreams(t, n.URL, "1") == 1 })
	fourth := publish(t, n.URL, two).ID
	want = append(want,
		fmt.Sprintf("%s  %s", third, one.wire()),
		fmt.Sprintf("%s like %s", fourth, two.wire()),
	)
	eventually(t, "the last event has come", func() bool { return slices.Contains(l.seen(), want[3]) })
	// To this client, what follows the last blank line of a stream that has ended is
	// one more block, and one without an id has the last id. It cannot be helped: the
	// first lines of a stream alone make one.
	got := slices.DeleteFunc(l.seen(), func(s string) bool { return s == second+"  " })
	if !slices.Equal(got, want) {
		t.Errorf("after a cut, got %q, want %q", got, want)
	}
}

// r3labs is the client and what it has received: id, name and data of each event.
type r3labs struct {
	client *sse.Client

	mu     sync.Mutex
	events []string
}

func newR3labs(url string) *r3labs {
	l := &r3labs{client: sse.NewClient(url)}
	l.client.ReconnectStrategy = &backoff.StopBackOff{} // one stream at a time
	return l
}

// listen subscribes. The function that it returns waits until the subscription
// has ended, if need be by ending it.
func (l *r3labs) listen(t *testing.T, token string) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.client.SubscribeWithContext(ctx, token, func(e *sse.Event) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.events = append(l.events, fmt.Sprintf("%s %s %s", e.ID, e.Event, e.Data))
		})
	}()
	return func() {
		cancel()
		<-done
	}
}

func (l *r3labs) seen() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

// comments counts those of a new stream: one at its beginning and one for each
// heartbeat.
func comments(t *testing.T, n *nodetest.Node, token string) *atomic.Int64 {
	var count atomic.Int64
	s := n.Open(t, "token="+token)
	s.Comment = func(string) { count.Add(1) }
	go func() {
		for {
			if _, err := s.Next(); err != nil {
				return
			}
		}
	}()
	return &count
}
