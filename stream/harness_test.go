package stream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"notifier"
	"notifier/internal/nodetest"
	"notifier/internal/ssetest"
	"notifier/journal"
	"notifier/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a hub on a journal in memory behind a real http.Server whose network
// is a pipe. It is used inside a synctest bubble: time is fake.
type bench struct {
	t    *testing.T
	log  journal.Log
	hub  *stream.Hub
	pipe *nodetest.Pipe
}

// run calls test in a bubble with a bench of its own.
func run(t *testing.T, cfg stream.Config, opts journal.Options, test func(*bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, log: journal.Memory(opts), pipe: nodetest.NewPipe()}
		b.hub = stream.New(b.log, cfg)
		events := b.hub.Events(identify)
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := events(w, r); errors.Is(err, notifier.ErrTooManyStreams) {
				w.WriteHeader(http.StatusTooManyRequests)
			} else if err != nil {
				w.WriteHeader(http.StatusBadRequest)
			}
		})}
		served := make(chan error)
		go func() { served <- srv.Serve(b.pipe) }()
		test(b)
		b.hub.Drain(0)
		synctest.Wait()
		srv.Close()
		<-served
		b.log.Close()
		b.hub.Stop()
		synctest.Wait()
		if n := b.hub.Total(); n != 0 {
			t.Errorf("%d streams are open at the end", n)
		}
	})
}

// identify takes the token of the query as it is, and a credential's end from exp.
// With unknown it cannot say who it is.
func identify(r *http.Request) (notifier.Identity, error) {
	q := r.URL.Query()
	if q.Has("unknown") {
		return notifier.Identity{}, fmt.Errorf("asking: %w", notifier.ErrUnavailable)
	}
	who := notifier.Identity{Keys: q["token"]}
	if d, err := time.ParseDuration(q.Get("exp")); err == nil {
		who.Expires = time.Now().Add(d)
	}
	return who, nil
}

// publish appends events with the data given to the tokens.
func (b *bench) publish(tokens []string, data ...string) []notifier.ID {
	b.t.Helper()
	pubs := make([]notifier.Publication, len(data))
	for i, d := range data {
		pubs[i] = notifier.Publication{Tokens: tokens, Data: []byte(d), TTL: time.Hour}
	}
	return b.append(pubs...)
}

func (b *bench) append(pubs ...notifier.Publication) []notifier.ID {
	b.t.Helper()
	acks, err := b.log.Append(context.Background(), pubs)
	if err != nil {
		b.t.Fatal(err)
	}
	ids := make([]notifier.ID, len(acks))
	for i, a := range acks {
		ids[i] = a.ID
	}
	return ids
}

// A client is one connection with a stream on it.
type client struct {
	t    *testing.T
	conn net.Conn
	resp *http.Response
	body *bufio.Reader
	*ssetest.Reader
}

// open opens a stream; query is what follows "token=". Headers are pairs.
func (b *bench) open(query string, headers ...string) *client {
	b.t.Helper()
	c := b.dial("GET", query, headers...)
	if c.resp.StatusCode != http.StatusOK {
		b.t.Fatalf("status %d", c.resp.StatusCode)
	}
	return c
}

func (b *bench) dial(method, query string, headers ...string) *client {
	b.t.Helper()
	conn, err := b.pipe.Dial()
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { conn.Close() })
	req := fmt.Sprintf("%s /events?token=%s HTTP/1.1\r\nHost: x\r\n", method, query)
	for i := 0; i < len(headers); i += 2 {
		req += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	if _, err := io.WriteString(conn, req+"\r\n"); err != nil {
		b.t.Fatal(err)
	}
	r, err := http.NewRequest(method, "/", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		b.t.Fatal(err)
	}
	body := bufio.NewReader(resp.Body)
	return &client{t: b.t, conn: conn, resp: resp, body: body, Reader: ssetest.NewReader(body)}
}

// line reads one line of the body as it is.
func (c *client) line() string {
	c.t.Helper()
	s, err := c.body.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// want reads events and compares their data.
func (c *client) want(data ...string) {
	c.t.Helper()
	for _, d := range data {
		ev, err := c.Next()
		if err != nil {
			c.t.Fatalf("waiting for %s: %v", d, err)
		}
		if ev.Data != d {
			c.t.Fatalf("got %s, want %s", ev.Data, d)
		}
	}
}

// wantEvent reads an event and compares its type too.
func (c *client) wantEvent(typ, data string) ssetest.Event {
	c.t.Helper()
	ev, err := c.Next()
	if err != nil {
		c.t.Fatalf("waiting for %s: %v", typ, err)
	}
	if ev.Type != typ || ev.Data != data {
		c.t.Fatalf("got %s %s, want %s %s", ev.Type, ev.Data, typ, data)
	}
	return ev
}

// wantEnd reads the end of the stream.
func (c *client) wantEnd() {
	c.t.Helper()
	if ev, err := c.Next(); err == nil {
		c.t.Fatalf("got %+v, want the end", ev)
	}
}

func numbers(from, to int) []string {
	var s []string
	for i := from; i < to; i++ {
		s = append(s, fmt.Sprint(i))
	}
	return s
}
