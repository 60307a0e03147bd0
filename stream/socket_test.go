package stream_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"notifier"
	"notifier/internal/ssetest"
	"notifier/journal"
	"notifier/stream"
)

// transports are the ways in which a stream can be sent.
var transports = map[string]struct {
	connContext func(context.Context, net.Conn) context.Context
	prepare     func(*stream.Hub)
	tls         bool
}{
	"epoll":          {stream.WithConn, func(*stream.Hub) {}, false},
	"goroutines":     {stream.WithConn, stream.UseGoroutines, false},
	"handler":        {nil, func(*stream.Hub) {}, false},
	"TLS epoll":      {stream.WithConn, func(*stream.Hub) {}, true},
	"TLS goroutines": {stream.WithConn, stream.UseGoroutines, true},
}

// certificate is one of the standard library's, for tests.
var certificate = sync.OnceValue(func() tls.Certificate {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return s.TLS.Certificates[0]
})

// A tcpBench is a hub behind a real http.Server on loopback.
type tcpBench struct {
	*testing.T
	log  journal.Log
	hub  *stream.Hub
	addr string
	tls  bool
}

// onTransports runs a test with a bench of its own for each transport. At the end
// the hub drains, and nothing may be left over.
func onTransports(t *testing.T, cfg stream.Config, test func(*tcpBench)) {
	for name, tr := range transports {
		t.Run(name, func(t *testing.T) {
			log := journal.Memory(journal.Options{MaxEvents: 100_000})
			hub := stream.New(log, cfg)
			tr.prepare(hub)
			events := hub.Events(identify)
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			srv := &http.Server{ConnContext: tr.connContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Test", "kept")
				if events(w, r) != nil {
					w.WriteHeader(http.StatusBadRequest)
				}
			})}
			if tr.tls {
				srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: []string{"http/1.1"}, DynamicRecordSizingDisabled: true}
				go srv.ServeTLS(stream.TLSListener(ln), "", "")
			} else {
				go srv.Serve(ln)
			}
			defer func() {
				hub.Drain(0)
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				hub.Wait(ctx)
				if n := hub.Total(); n != 0 {
					t.Errorf("%d streams are open at the end", n)
				}
				srv.Close()
				log.Close()
				hub.Stop()
			}()
			test(&tcpBench{t, log, hub, ln.Addr().String(), tr.tls})
		})
	}
}

// dial connects and sends a request for a token's stream.
func (b *tcpBench) dial(proto, query string, headers ...string) net.Conn {
	b.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	if b.tls {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintf(conn, "GET /events?token=%s HTTP/%s\r\nHost: x\r\n%s\r\n", query, proto, strings.Join(headers, "\r\n"))
	return conn
}

// tcp is the connection of a client below TLS.
func (c *client) tcp() *net.TCPConn {
	if t, ok := c.conn.(*tls.Conn); ok {
		return t.NetConn().(*net.TCPConn)
	}
	return c.conn.(*net.TCPConn)
}

func (b *tcpBench) open(query string) *client {
	b.Helper()
	c, err := b.try(query)
	if err != nil || c.resp.StatusCode != 200 {
		b.Fatalf("%v %v", c, err)
	}
	return c
}

// try is open for when the stream may be ended before it has begun.
func (b *tcpBench) try(query string) (*client, error) {
	b.Helper()
	conn := b.dial("1.1", query)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		conn.Close()
		return nil, err
	}
	body := bufio.NewReader(resp.Body)
	return &client{t: b.T, conn: conn, resp: resp, body: body, Reader: ssetest.NewReader(body)}, nil
}

func (b *tcpBench) publish(data ...string) {
	b.Helper()
	pubs := make([]notifier.Publication, len(data))
	for i, d := range data {
		pubs[i] = notifier.Publication{Tokens: []string{"1"}, Data: []byte(d), TTL: time.Hour}
	}
	if _, err := b.log.Append(context.Background(), pubs); err != nil {
		b.Error(err)
	}
}

// until polls for what other goroutines bring about.
func (b *tcpBench) until(what string, ok func() bool) {
	b.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			b.Fatalf("waited too long until %s", what)
		}
	}
}

func TestTransportHead(t *testing.T) {
	onTransports(t, stream.Config{}, func(b *tcpBench) {
		c := b.open("1")
		for name, want := range map[string]string{
			"Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-store, no-transform",
			"X-Accel-Buffering": "no", "X-Test": "kept",
		} {
			if got := strings.Join(c.resp.Header[name], "|"); got != want {
				b.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if _, err := http.ParseTime(c.resp.Header.Get("Date")); err != nil {
			b.Error(err)
		}
		if got := fmt.Sprint(c.resp.TransferEncoding); got != "[chunked]" {
			b.Errorf("transfer encoding %s", got)
		}
		if first := c.line(); !strings.HasPrefix(first, "retry: ") {
			b.Errorf("first line %q", first)
		}
		b.publish("a", "b")
		c.want("a", "b")
	})
}

func TestHTTP10(t *testing.T) {
	onTransports(t, stream.Config{}, func(b *tcpBench) {
		conn := b.dial("1.0", "1")
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		if err != nil || len(resp.TransferEncoding) > 0 || resp.Header.Get("Transfer-Encoding") != "" {
			b.Fatalf("%v %v", resp, err)
		}
		r := ssetest.NewReader(resp.Body)
		b.publish("a")
		if ev, err := r.Next(); err != nil || ev.Data != "a" {
			b.Errorf("%+v %v", ev, err)
		}
		b.hub.Revoke("1")
		if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
			b.Errorf("%q %v", rest, err)
		}
	})
}

// An orderly end is one for HTTP too: the chunks are complete.
func TestOrderlyEnd(t *testing.T) {
	onTransports(t, stream.Config{}, func(b *tcpBench) {
		c := b.open("1&control=1")
		c.wantEvent("notifier-ready", `{"resumed":false}`)
		b.publish("last")
		c.want("last")
		b.hub.Drain(0)
		c.wantEvent("notifier-close", `{"reason":"drain"}`)
		if rest, err := io.ReadAll(c.resp.Body); err != nil || len(rest) > 0 {
			b.Errorf("after the end: %q, %v", rest, err)
		}
	})
}

func TestClientGoes(t *testing.T) {
	onTransports(t, stream.Config{}, func(b *tcpBench) {
		for name, leave := range map[string]func(*net.TCPConn){
			"close":      func(c *net.TCPConn) { c.Close() },
			"reset":      func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
			"half-close": func(c *net.TCPConn) { c.CloseWrite() },
		} {
			c := b.open("1")
			leave(c.tcp())
			b.until(name+" is noticed", func() bool { return b.hub.Count("1") == 0 })
		}
	})
}

// What a client says on a stream is discarded, and much of it ends the stream.
func TestClientTalks(t *testing.T) {
	onTransports(t, stream.Config{}, func(b *tcpBench) {
		conn := b.dial("1.1", "1", "X: y", "\r\nGET /events?token=2 HTTP/1.1\r\nHost: x\r\n") // pipelined behind the GET
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			b.Fatal(err)
		}
		io.WriteString(conn, strings.Repeat("x", 100))
		b.publish("a")
		if ev, err := ssetest.NewReader(resp.Body).Next(); err != nil || ev.Data != "a" {
			b.Errorf("%+v %v", ev, err)
		}
		if b.Name()[len(b.Name())-7:] == "handler" {
			return // there net/http reads one byte and leaves the rest to the kernel
		}
		if n := b.hub.Count("2"); n != 0 {
			b.Errorf("a pipelined request opened a stream")
		}
		go io.Copy(conn, neverEnding{})
		b.until("the talker is cut off", func() bool { return b.hub.Count("1") == 0 })
	})
}

type neverEnding struct{}

func (neverEnding) Read(b []byte) (int, error) { return len(b), nil }

// A client that never reads disturbs nobody, is closed in time and costs the rest
// nothing. The others resume if a busy machine has kept them from reading too.
func TestStuckClient(t *testing.T) {
	onTransports(t, stream.Config{WriteTimeout: 2 * time.Second}, func(b *tcpBench) {
		stuck := b.dial("1.1", "1")
		b.until("it is open", func() bool { return b.hub.Count("1") == 1 })
		const events = 8 << 20 / 16384
		body := strings.Repeat("x", 16384)
		var wg sync.WaitGroup
		for range 3 {
			c := b.open("1&control=1")
			c.wantEvent("notifier-ready", `{"resumed":false}`)
			wg.Go(func() { b.wantAll(c, events) })
		}
		wg.Go(func() {
			for i := range events {
				b.publish(fmt.Sprint(i, " ", body))
			}
		})
		wg.Wait()
		b.until("the stuck client is closed", func() bool { return b.hub.Count("1") == 0 })
		io.Copy(io.Discard, stuck)
	})
}

// wantAll reads events whose data begin with the numbers from 0 on, across as many
// streams as it takes, and hangs up.
func (b *tcpBench) wantAll(c *client, events int) {
	last := c.LastEventID()
	for next := 0; next < events; {
		ev, err := c.Next()
		switch {
		case err != nil:
			c = b.open("1&lastEventId=" + last)
			continue
		case ev.Type != "message":
			continue
		}
		if n, _, _ := strings.Cut(ev.Data, " "); n != fmt.Sprint(next) {
			b.Errorf("got event %s, want %d", n, next)
			break
		}
		last = ev.ID
		next++
	}
	c.conn.Close()
}

// A client that reads in small sips gets every byte right: what the kernel did not
// take is sent from where it stopped.
func TestSips(t *testing.T) {
	onTransports(t, stream.Config{WriteTimeout: 10 * time.Second}, func(b *tcpBench) {
		c := b.open("1")
		c.tcp().SetReadBuffer(64 << 10)
		const events = 300
		var want [events]string
		for i := range want {
			want[i] = fmt.Sprint(i, " ", strings.Repeat(string(rune('a'+i%26)), i*97%30_000))
		}
		go b.publish(want[:]...)
		r := ssetest.NewReader(&sipper{c.body, rand.New(rand.NewPCG(1, 2))})
		for _, w := range want {
			if ev, err := r.Next(); err != nil || ev.Data != w {
				b.Fatalf("got %.20s, want %.20s: %v", ev.Data, w, err)
			}
		}
	})
}

type sipper struct {
	in  io.Reader
	rng *rand.Rand
}

func (s *sipper) Read(b []byte) (int, error) {
	if s.rng.IntN(8) == 0 {
		runtime.Gosched()
	}
	return s.in.Read(b[:min(len(b), 1+s.rng.IntN(3000))])
}

// Cut off in the middle of a frame, a client has whole events only, and resumes
// after the last of them.
func TestDrainInTheMiddleOfAFrame(t *testing.T) {
	onTransports(t, stream.Config{WriteTimeout: 5 * time.Second}, func(b *tcpBench) {
		c := b.open("1")
		body := strings.Repeat("x", 50_000)
		var all []string
		for i := range 200 {
			all = append(all, fmt.Sprint(i, " ", body))
		}
		b.publish(all...)
		b.until("it is sent", func() bool { return b.hub.Count("1") == 1 })
		b.hub.Revoke("1")
		b.until("it is closed", func() bool { return b.hub.Count("1") == 0 })
		got := 0
		for ; ; got++ {
			ev, err := c.Next()
			if err != nil {
				break
			}
			if ev.Data != all[got] {
				b.Fatalf("event %d: got %.20s", got, ev.Data)
			}
		}
		query := "1&since=all"
		if got > 0 {
			query = "1&lastEventId=" + c.LastEventID()
		}
		c = b.open(query)
		c.want(all[got:]...)
	})
}

// Clients come and go, 20 000 of them, while others are written to: nobody gets
// what is another's, and no topic, goroutine or file is left over.
func TestChurn(t *testing.T) {
	const clients = 16
	onTransports(t, stream.Config{}, func(b *tcpBench) {
		rounds := 60
		if strings.HasSuffix(b.Name(), "/epoll") {
			rounds = 20_000 / clients
		}
		b.open("first").conn.Close() // what is made once is there
		b.until("it is gone", func() bool { return b.hub.Total() == 0 })
		goroutines, files := runtime.NumGoroutine(), openFiles()
		stop := make(chan struct{})
		var pub, wg sync.WaitGroup
		pub.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				tokens := []string{fmt.Sprint(i % clients), fmt.Sprint((i + 1) % clients)}
				b.log.Append(context.Background(), []notifier.Publication{{
					Tokens: tokens, Data: []byte(strings.Join(tokens, ",") + strings.Repeat(".", i%5000)), TTL: time.Hour,
				}})
				if i%50 == 0 {
					b.hub.Revoke(tokens[0])
				}
			}
		})
		for n := range clients {
			token := fmt.Sprint(n)
			rng := rand.New(rand.NewPCG(uint64(n), 3))
			wg.Go(func() {
				for range rounds {
					c, err := b.try(token)
					if err != nil {
						continue // revoked at once
					}
					for range rng.IntN(4) {
						ev, err := c.Next()
						if err != nil {
							break
						}
						if to := strings.Split(strings.TrimRight(ev.Data, "."), ","); to[0] != token && to[1] != token {
							b.Errorf("token %s got an event for %s", token, to)
						}
					}
					if rng.IntN(2) == 0 {
						c.tcp().SetLinger(0)
					}
					c.conn.Close()
				}
			})
		}
		wg.Wait()
		close(stop)
		pub.Wait()
		b.until("all are gone", func() bool { return b.hub.Total() == 0 })
		if _, topics, _ := b.hub.Online("", "", 1); topics != 0 {
			b.Errorf("%d topics are left", topics)
		}
		b.until("their goroutines and files are gone", func() bool {
			return runtime.NumGoroutine() <= goroutines && openFiles() <= files
		})
	})
}

// openFiles counts the descriptors of the process, where the system shows them.
func openFiles() int {
	files, _ := os.ReadDir("/proc/self/fd")
	return len(files)
}

// A delivery to a socket allocates nothing, however many streams an event has.
func TestDeliveryAllocates(t *testing.T) {
	const streams, events = 200, 200
	onTransports(t, stream.Config{}, func(b *tcpBench) {
		if !strings.HasSuffix(b.Name(), "/epoll") {
			return
		}
		var wg sync.WaitGroup
		frame := len("data: \nid: 0123456789-0000\n\n") + 100
		for range streams {
			conn := b.dial("1.1", "1")
			wg.Go(func() {
				buf := make([]byte, 32<<10)
				for read := 0; read < events*frame; {
					n, err := conn.Read(buf)
					if err != nil {
						b.Error(err)
						return
					}
					read += n
				}
			})
		}
		b.until("all are open", func() bool { return b.hub.Count("1") == streams })
		data := string(bytes.Repeat([]byte("x"), 100))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range events {
			b.publish(data)
		}
		wg.Wait()
		runtime.ReadMemStats(&after)
		if per := float64(after.Mallocs-before.Mallocs) / (streams * events); per > 0.25 {
			b.Errorf("%.2f allocations a delivery", per)
		}
	})
}

// A client that replays a hundred thousand events slowly costs a page at a time:
// others get theirs meanwhile, and memory does not grow with what it has yet to read.
func TestSlowReplay(t *testing.T) {
	const events = 100_000
	onTransports(t, stream.Config{WriteTimeout: 30 * time.Second}, func(b *tcpBench) {
		body := strings.Repeat("x", 100)
		for i := 0; i < events; i += 1000 {
			batch := make([]string, 1000)
			for j := range batch {
				batch[j] = fmt.Sprint(i+j, " ", body)
			}
			b.publish(batch...)
		}
		heap := func() uint64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := heap()
		slow := b.open("1&since=all")
		wantNumbered(b.T, slow, 0, events/2)
		other := b.open("2")
		for i := range 200 { // the slow one has stopped reading
			data := fmt.Sprint(i, " live")
			if _, err := b.log.Append(b.Context(), []notifier.Publication{{Tokens: []string{"2"}, Data: []byte(data)}}); err != nil {
				b.Fatal(err)
			}
			other.want(data)
		}
		b.until("memory is as it was", func() bool { return heap() < before+4<<20 })
		wantNumbered(b.T, slow, events/2, events)
	})
}

// wantNumbered reads events whose data begin with numbers in order.
func wantNumbered(t *testing.T, c *client, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		ev, err := c.Next()
		if err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
		if n, _, _ := strings.Cut(ev.Data, " "); n != fmt.Sprint(i) {
			t.Fatalf("got event %s, want %d", n, i)
		}
	}
}
