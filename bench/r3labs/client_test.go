package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/r3labs/sse/v2"
	"gopkg.in/cenkalti/backoff.v1"
)

// These tests hold what a reader built on r3labs' Client has to know.

// How a scripted server ends its response.
type ending int

const (
	clean  ending = iota // the stream is complete
	broken               // the connection breaks
	open                 // the stream stays open until the client goes
)

// script is a server that answers every request with the same bytes.
type script struct {
	*httptest.Server
	requests atomic.Int64
}

func serveScript(t *testing.T, wire string, end ending) *script {
	s := new(script)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		io.WriteString(w, wire)
		http.NewResponseController(w).Flush()
		switch end {
		case broken:
			panic(http.ErrAbortHandler)
		case open:
			<-r.Context().Done()
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// newClient makes a client that tries once, as a caller with a loop of its own
// wants it.
func newClient(url string, options ...func(*sse.Client)) *sse.Client {
	c := sse.NewClient(url, options...)
	c.ReconnectStrategy = &backoff.StopBackOff{}
	return c
}

func ignore(*sse.Event) {}

// received is an event as the client's handler gets it.
type received struct{ id, name, data, retry string }

func TestClientBlocks(t *testing.T) {
	tests := []struct {
		name, wire string
		want       []received
		last       string // the id for the next request
	}{
		{"our first bytes and an event are one event",
			"retry: 5\n:\ndata: a\nid: 1\n\n", []received{{"1", "", "a", "5"}}, "1"},
		{"comment lines alone are nothing",
			"data: a\nid: 1\n\n:\n:\ndata: b\nid: 2\n\n", []received{{"1", "", "a", ""}, {"2", "", "b", ""}}, "2"},
		{"retry with a blank line is a phantom",
			"retry: 5\n\n", []received{{"", "", "", "5"}}, ""},
		{"a comment with a blank line is nothing before the first id",
			":\n\n", nil, ""},
		{"and a phantom with the last id after it",
			"data: a\nid: 1\n\n:\n\n", []received{{"1", "", "a", ""}, {"1", "", "", ""}}, "1"},
		{"comment lines at the end are such a phantom too",
			"data: a\nid: 1\n\n:\n", []received{{"1", "", "a", ""}, {"1", "", "", ""}}, "1"},
		{"an event cut in its data is delivered, with the last id",
			"data: a\nid: 1\n\ndata: hal", []received{{"1", "", "a", ""}, {"1", "", "hal", ""}}, "1"},
		{"an event cut in its id is delivered and the cut id kept",
			"data: a\nid: 11\n\ndata: b\nid: 1", []received{{"11", "", "a", ""}, {"1", "", "b", ""}}, "1"},
		{"an empty id does not reset the position",
			"data: a\nid: 1\n\ndata: b\nid:\n\n", []received{{"1", "", "a", ""}, {"1", "", "b", ""}}, "1"},
		{"data lines are joined and line ends may be CRLF",
			"event: x\r\ndata: a\r\ndata: b\r\n\r\n", []received{{"", "x", "a\nb", ""}}, ""},
	}
	for _, test := range tests {
		for end, name := range map[ending]string{clean: "complete", broken: "broken off"} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				c := newClient(serveScript(t, test.wire, end).URL)
				var got []received
				err := c.SubscribeRaw(func(e *sse.Event) {
					got = append(got, received{string(e.ID), string(e.Event), string(e.Data), string(e.Retry)})
				})
				if !slices.Equal(got, test.want) {
					t.Errorf("got %q, want %q", got, test.want)
				}
				if last, _ := c.LastEventID.Load().([]byte); string(last) != test.last {
					t.Errorf("last id %q, want %q", last, test.last)
				}
				if (err == nil) != (end == clean) {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

func TestClientRequest(t *testing.T) {
	var request *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { request = r }))
	defer server.Close()
	tests := []struct{ url, stream, want string }{
		{"/events?token=1", "", "/events?token=1"},
		{"/events?token=1", "2", "/events?stream=2&token=1"},
		{"/events?stream=1", "2", "/events?stream=1&stream=2"},
		{"/events", "a b/c", "/events?stream=a+b%2Fc"},
	}
	for _, test := range tests {
		c := newClient(server.URL + test.url)
		c.LastEventID.Store([]byte("k3f9-17"))
		c.Headers["Authorization"] = "Bearer x"
		if err := c.Subscribe(test.stream, ignore); err != nil {
			t.Fatal(err)
		}
		if request.RequestURI != test.want {
			t.Errorf("%s and stream %q: %s, want %s", test.url, test.stream, request.RequestURI, test.want)
		}
		for header, want := range map[string]string{
			"Last-Event-ID": "k3f9-17", "Authorization": "Bearer x", "Accept": "text/event-stream", "Cache-Control": "no-cache",
		} {
			if got := request.Header.Get(header); got != want {
				t.Errorf("%s: %q, want %q", header, got, want)
			}
		}
	}
}

func TestClientReturnsAtACleanEnd(t *testing.T) {
	s := serveScript(t, "data: a\n\n", clean)
	c := sse.NewClient(s.URL) // with the default strategy
	if err := c.SubscribeRaw(ignore); err != nil {
		t.Error(err)
	}
	if n := s.requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestClientIgnoresTheServersRetry(t *testing.T) {
	c := sse.NewClient(serveScript(t, "retry: 3600000\n:\ndata: a\n\n", broken).URL)
	ctx, cancel := context.WithCancel(t.Context())
	c.ReconnectStrategy = backoff.WithContext(backoff.NewConstantBackOff(7*time.Millisecond), ctx)
	var wait time.Duration
	c.ReconnectNotify = func(_ error, next time.Duration) {
		wait = next
		cancel()
	}
	c.SubscribeRawWithContext(ctx, ignore)
	if wait != 7*time.Millisecond {
		t.Errorf("waits %v", wait)
	}
}

// clock shows the time that a test sets.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// The default strategy counts its 15 minutes from the call of Subscribe, not
// from the moment the stream broke.
func TestClientGivesUpOnAnOldStream(t *testing.T) {
	s := serveScript(t, "data: a\n\n", broken)
	c := sse.NewClient(s.URL)
	strategy, now := backoff.NewExponentialBackOff(), new(clock)
	strategy.Clock = now
	c.ReconnectStrategy = strategy
	err := c.SubscribeRaw(func(*sse.Event) { now.now = now.now.Add(16 * time.Minute) })
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if n := s.requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestClientRetriesEveryStatusButWhatIsPermanent(t *testing.T) {
	var requests int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()

	c := sse.NewClient(server.URL)
	c.ReconnectStrategy = backoff.WithMaxTries(&backoff.ZeroBackOff{}, 2)
	if err := c.SubscribeRaw(ignore); err == nil || requests != 3 {
		t.Errorf("%d requests, then %v", requests, err)
	}

	requests = 0
	gone := errors.New("gone")
	c.ResponseValidator = func(_ *sse.Client, response *http.Response) error {
		response.Body.Close()
		return backoff.Permanent(gone)
	}
	if err := c.SubscribeRaw(ignore); err != gone || requests != 1 {
		t.Errorf("%d requests, then %v", requests, err)
	}
}

func TestClientBufferBoundsABlockWithItsBlankLine(t *testing.T) {
	const limit = 8 << 10
	block := func(size int) string {
		return "data: " + strings.Repeat("x", size-len("data: \n\n")) + "\n\n"
	}
	for size, want := range map[int]error{limit: nil, limit + 1: bufio.ErrTooLong} {
		c := newClient(serveScript(t, block(size), clean).URL, sse.ClientMaxBufferSize(limit))
		if err := c.SubscribeRaw(ignore); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", size, err, want)
		}
	}
}

func TestClientCallbacks(t *testing.T) {
	var calls []string
	record := func(call string) sse.ConnCallback { return func(*sse.Client) { calls = append(calls, call) } }
	subscribe := func(wire string, end ending, times int) []string {
		c := newClient(serveScript(t, wire, end).URL)
		c.OnConnect(record("connect"))
		c.OnDisconnect(record("disconnect"))
		c.ResponseValidator = func(*sse.Client, *http.Response) error {
			calls = append(calls, "response")
			return nil
		}
		calls = nil
		for range times {
			c.SubscribeRaw(ignore)
		}
		return calls
	}
	tests := []struct {
		name, wire string
		end        ending
		want       []string
	}{
		{"OnConnect waits for the first block", "", clean, []string{"response", "response"}},
		{"a clean end is no disconnect, so OnConnect comes once", "data: a\n\n", clean, []string{"response", "connect", "response"}},
		{"a broken stream is", "data: a\n\n", broken, []string{"response", "connect", "disconnect", "response", "connect", "disconnect"}},
	}
	for _, test := range tests {
		if got := subscribe(test.wire, test.end, 2); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// clientGoroutines counts the client's goroutines but for those that
// TestClientUnsubscribeLeaksItsReader has left behind.
func clientGoroutines() int { return goroutinesIn("sse/v2.(*Client)") - leaked }

var leaked int

func TestClientCancelled(t *testing.T) {
	s := serveScript(t, "data: a\n\n", open)
	ctx, cancel := context.WithCancel(t.Context())
	if err := newClient(s.URL).SubscribeRawWithContext(ctx, func(*sse.Event) { cancel() }); err != nil {
		t.Errorf("cancelled while it reads: %v, want nil", err)
	}
	if err := newClient(s.URL).SubscribeRawWithContext(ctx, ignore); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v, want %v", err, context.Canceled)
	}

	retries := 0
	c := newClient(s.URL)
	c.ReconnectStrategy = backoff.WithMaxTries(&backoff.ZeroBackOff{}, 2)
	c.ReconnectNotify = func(error, time.Duration) { retries++ }
	if c.SubscribeRawWithContext(ctx, ignore); retries != 2 {
		t.Errorf("a strategy that knows nothing of the context: %d retries after its end, want 2", retries)
	}

	cause := errors.New("log-out")
	withCause, cancelCause := context.WithCancelCause(t.Context())
	if err := newClient(s.URL).SubscribeRawWithContext(withCause, func(*sse.Event) { cancelCause(cause) }); !errors.Is(err, cause) {
		t.Errorf("cancelled with a cause: %v, want %v", err, cause)
	}

	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := newClient(s.URL).SubscribeRawWithContext(ctx, ignore); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("timed out: %v, want %v", err, context.DeadlineExceeded)
	}

	if !within(patience, func() bool { return clientGoroutines() == 0 }) {
		t.Errorf("%d goroutines of the client are left", clientGoroutines())
	}
}

func TestClientUnsubscribeLeaksItsReader(t *testing.T) {
	s := serveScript(t, "data: a\n\n", open)
	c, events := newClient(s.URL), make(chan *sse.Event)
	if err := c.SubscribeChanRaw(events); err != nil {
		t.Fatal(err)
	}
	<-events
	c.Unsubscribe(events)
	s.Close()
	if within(100*time.Millisecond, func() bool { return clientGoroutines() == 0 }) {
		t.Fatal("no goroutine of the client is left")
	}
	leaked++
}
