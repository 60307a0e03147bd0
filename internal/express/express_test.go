//go:build linux

package express

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// echo answers with what it saw of a request.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	switch r.URL.Path {
	case "/abort":
		panic(http.ErrAbortHandler)
	case "/big":
		w.Write(bytes.Repeat([]byte("x"), 4<<20))
		return
	case "/close":
		w.Header().Set("Connection", "close")
	case "/empty":
		w.WriteHeader(http.StatusNoContent)
		return
	case "/teapot":
		w.Header()["X-Two"] = []string{"a", "b"}
		w.WriteHeader(http.StatusTeapot)
	}
	w.Header().Set("Content-Type", "text/plain")
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	fmt.Fprintf(w, "%s %s %s %s from %s: %q %v; %s", r.Method, r.URL, r.Host, r.Header, host, body, err, r.Header.Get("X-Note"))
}

// listen runs net/http for as long as the test does.
func listen(t *testing.T, s *http.Server) (addr string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return ln.Addr().String()
}

// start runs net/http with an Express in front of echo.
func start(t *testing.T, cfg Config) (e *Express, addr string) {
	e = New(http.HandlerFunc(echo), cfg)
	s := &http.Server{Handler: e, ConnContext: e.WithConn}
	addr = listen(t, s)
	go s.Serve(e.Listener())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := e.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if n := e.Count(); n != 0 {
			t.Errorf("%d connections at the end", n)
		}
	})
	return e, addr
}

// serve runs net/http with an Express in front of echo, and without.
func serve(t *testing.T, inline bool) (e *Express, with, without string) {
	e, with = start(t, Config{Inline: inline})
	return e, with, listen(t, &http.Server{Handler: http.HandlerFunc(echo)})
}

// both runs a test inline and not.
func both(t *testing.T, test func(t *testing.T, e *Express, with, without string)) {
	for _, inline := range []bool{true, false} {
		t.Run(fmt.Sprintf("inline %v", inline), func(t *testing.T) {
			e, with, without := serve(t, inline)
			test(t, e, with, without)
		})
	}
}

type client struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{t, conn, bufio.NewReader(conn)}
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

var framing = regexp.MustCompile(`(?s)\r\n(Date|Content-Length|Transfer-Encoding): [^\r]*`)

// answer reads an answer, as it is but for its date, its framing and the order of
// its header.
func (c *client) answer() string {
	c.t.Helper()
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err.Error()
	}
	if _, err := http.ParseTime(resp.Header.Get("Date")); err != nil && resp.StatusCode == http.StatusOK {
		c.t.Error(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	head, err := httputil.DumpResponse(resp, false)
	if err != nil {
		return err.Error()
	}
	return framing.ReplaceAllString(string(head), "") + string(body)
}

// taken sends what has a connection taken over.
func (c *client) taken(e *Express) {
	c.t.Helper()
	for range 2 {
		c.send(post())
		c.answer()
	}
	if e.Count() == 0 {
		c.t.Fatal("the connection was not taken")
	}
}

// until polls for what other goroutines bring about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("waited too long until " + what)
		}
	}
}

// A client cannot tell that its connection was taken, whatever it sends.
func TestSameAnswers(t *testing.T) {
	long := strings.Repeat("x", 30_000)
	requests := map[string]string{
		"plain":            post(),
		"with fields":      post("Content-Type: application/json", "X-Note: hello"),
		"another status":   strings.Replace(post(), "/api", "/teapot?a=b", 1),
		"no content":       strings.Replace(post(), "/api", "/empty", 1),
		"two at once":      post("X-Note: 1") + post("X-Note: 2"),
		"GET":              "GET /x HTTP/1.1\r\nHost: x\r\n\r\n",
		"chunks":           "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
		"Expect":           "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab",
		"HTTP/1.0":         "POST /x HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
		"Connection close": post("Connection: close"),
		"handler closes":   strings.Replace(post(), "/api", "/close", 1),
		"handler aborts":   strings.Replace(post(), "/api", "/abort", 1),
		"no Host":          "POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nab",
		"two Hosts":        post("Host: y"),
		"two lengths":      post("Content-Length: 3"),
		"both framings":    post("Transfer-Encoding: chunked"),
		"a bare CR":        post("A: b\rc"),
		"nonsense":         "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
		"large":            fmt.Sprintf("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", 3*len(long), long+long+long),
		"not too large":    fmt.Sprintf("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(long), long),
	}
	both(t, func(t *testing.T, e *Express, with, without string) {
		for name, request := range requests {
			var got [2]string
			for i, addr := range []string{with, without} {
				c := dial(t, addr)
				if addr == with {
					c.taken(e)
				}
				c.send(request + post("X-Note: after"))
				for range 3 {
					got[i] += c.answer() + "\n"
					if strings.Contains(got[i], "after") {
						break
					}
				}
			}
			if got[0] != got[1] {
				t.Errorf("%s: got\n%.1000s\nnet/http answers\n%.1000s", name, got[0], got[1])
			}
		}
	})
}

// A request may come in pieces of any size, and many may come at once.
func TestPieces(t *testing.T) {
	both(t, func(t *testing.T, e *Express, with, _ string) {
		rng := rand.New(rand.NewPCG(1, 2))
		c := dial(t, with)
		c.taken(e)
		const requests = 200
		var all strings.Builder
		for i := range requests {
			all.WriteString(post(fmt.Sprintf("X-Note: number %d.", i), "X-Long: "+strings.Repeat("y", rng.IntN(3000))))
		}
		go func() {
			for rest := all.String(); len(rest) > 0; {
				n := min(len(rest), 1+rng.IntN(4000))
				if rng.IntN(4) > 0 {
					n = min(n, 40)
				}
				io.WriteString(c, rest[:n])
				rest = rest[n:]
			}
		}()
		for i := range requests {
			if got := c.answer(); !strings.HasSuffix(got, fmt.Sprintf("number %d.", i)) {
				t.Fatalf("answer %d: %s", i, got)
			}
		}
		if e.Count() != 1 {
			t.Error("the connection went back")
		}
	})
}

// A client that does not read its answers holds up nobody, and has them all when it
// does.
func TestClientDoesNotRead(t *testing.T) {
	both(t, func(t *testing.T, e *Express, with, _ string) {
		stuck, other := dial(t, with), dial(t, with)
		stuck.taken(e)
		other.taken(e)
		stuck.send(strings.Replace(post(), "/api", "/big", 1) + post("X-Note: after"))
		for range 100 {
			other.send(post())
			other.answer()
		}
		if got := stuck.answer(); len(got) < 4<<20 {
			t.Errorf("%d bytes", len(got))
		}
		if got := stuck.answer(); !strings.HasSuffix(got, "after") {
			t.Errorf("got %s", got)
		}
	})
}

// The time for a request begins with it, and not with the one that it came behind.
func TestOneAfterTheOtherIsNotOld(t *testing.T) {
	both(t, func(t *testing.T, e *Express, with, _ string) {
		c := dial(t, with)
		c.taken(e)
		begun := func() (since time.Time) {
			e.each(func(c *conn) {
				c.mu.Lock()
				defer c.mu.Unlock()
				if !c.busy && len(c.partial) > 0 {
					since = c.last
				}
			})
			return since
		}
		c.send(post()[:20])
		var first time.Time
		until(t, "one has begun", func() bool { first = begun(); return !first.IsZero() })
		c.send(post()[20:] + post()[:20])
		c.answer()
		var second time.Time
		until(t, "another has begun", func() bool { second = begun(); return !second.IsZero() })
		if !second.After(first) {
			t.Error("the second is as old as the first")
		}
	})
}

func TestOldOnesAreClosed(t *testing.T) {
	both(t, func(t *testing.T, e *Express, with, _ string) {
		idle, inside := dial(t, with), dial(t, with)
		idle.taken(e)
		inside.taken(e)
		inside.send(post()[:20])
		inRequest := func() (n int) {
			e.each(func(c *conn) {
				c.mu.Lock()
				defer c.mu.Unlock()
				if !c.busy && len(c.partial) > 0 {
					n++
				}
			})
			return n
		}
		until(t, "one is inside a request", func() bool { return inRequest() == 1 })
		e.sweep(time.Now().Add(29 * time.Second))
		if n := e.Count(); n != 2 {
			t.Errorf("%d connections after 29 s", n)
		}
		e.sweep(time.Now().Add(31 * time.Second))
		if n := e.Count(); n != 1 {
			t.Errorf("%d connections after 31 s", n)
		}
		e.sweep(time.Now().Add(121 * time.Second))
		for _, c := range []*client{idle, inside} {
			if _, err := c.in.ReadByte(); err != io.EOF {
				t.Errorf("%v, want the end", err)
			}
		}
	})
}

// A client that sends without a pause does not keep others from being served.
func TestFlood(t *testing.T) {
	const request = "POST /flood HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"
	const share = 2*maxRequest/len(request) + 1
	held, begin, answered := make(chan struct{}), make(chan struct{}), make(chan struct{})
	served := 0
	e := New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hold":
			close(held)
			<-begin
		case "/flood":
			if served++; served == share { // ahead of who has come before
				<-answered
			}
		}
	}), Config{Inline: true})
	roomy := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4*maxRequest) })
	}}
	ln, err := roomy.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: e, ConnContext: e.WithConn}
	go s.Serve(ln)
	defer s.Close()
	hold, flood, other := dial(t, ln.Addr().String()), dial(t, ln.Addr().String()), dial(t, ln.Addr().String())
	for _, c := range []*client{hold, flood, other} {
		c.taken(e)
	}
	hold.send(strings.Replace(post(), "/api", "/hold", 1))
	<-held // while all of this comes
	go io.Copy(io.Discard, flood)
	flood.send(strings.Repeat(request, share+1))
	other.send(post())
	close(begin)
	if got := other.answer(); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("got %s", got)
	}
	close(answered)
	if err := e.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// Requests that wait, for a disk that hangs say, do not keep others from being served,
// nor the server from stopping.
func TestHeldUp(t *testing.T) {
	held, begin := make(chan struct{}), make(chan struct{})
	e := New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			held <- struct{}{}
			<-begin
		}
	}), Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: e, ConnContext: e.WithConn}
	go s.Serve(ln)
	defer s.Close()
	first, second, other := dial(t, ln.Addr().String()), dial(t, ln.Addr().String()), dial(t, ln.Addr().String())
	for _, c := range []*client{first, second, other} {
		c.taken(e)
	}
	for _, c := range []*client{first, second} {
		c.send(strings.Replace(post(), "/api", "/hold", 1))
		<-held
		other.send(post())
		if got := other.answer(); !strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Errorf("got %s", got)
		}
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := e.Shutdown(over); err == nil {
		t.Error("the server stopped as if nothing were under way")
	}
	close(begin)
}

// What is under way when the server stops is finished, and said to be the last.
func TestShutdown(t *testing.T) {
	under, finish := make(chan struct{}), make(chan struct{})
	e := New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Note") == "slow" {
			close(under)
			<-finish
		}
	}), Config{})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: e, ConnContext: e.WithConn}
	go s.Serve(ln)
	defer s.Close()
	idle, busy := dial(t, ln.Addr().String()), dial(t, ln.Addr().String())
	idle.taken(e)
	busy.taken(e)
	busy.send(post("X-Note: slow"))
	<-under
	stopped := make(chan error)
	go func() { stopped <- e.Shutdown(context.Background()) }()
	if _, err := idle.in.ReadByte(); err != io.EOF {
		t.Errorf("idle: %v, want the end", err)
	}
	close(finish)
	if got := busy.answer(); !strings.Contains(got, "Connection: close") {
		t.Errorf("got %s", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// Clients come, ask, break off and go, all at once; each gets its own answers.
func TestChurn(t *testing.T) {
	both(t, func(t *testing.T, e *Express, with, _ string) {
		var wg sync.WaitGroup
		for n := range 16 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(n), 1))
				for range 20 {
					c := dial(t, with)
					for i := range 2 + rng.IntN(10) {
						note := fmt.Sprintf("%d.%d.", n, i)
						c.send(post("X-Note: " + note))
						if got := c.answer(); !strings.HasSuffix(got, note) {
							t.Errorf("got %s", got)
						}
					}
					switch rng.IntN(3) {
					case 0:
						c.send(post()[:10+rng.IntN(40)])
					case 1:
						c.Conn.(*net.TCPConn).SetLinger(0)
					}
					c.Close()
				}
			})
		}
		wg.Wait()
		until(t, "all are gone", func() bool { return e.Count() == 0 })
	})
}

// A Route is asked once for each head, whatever the length of the body is.
func TestRoute(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	one := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "routed %s %d", r.Header.Get("X-Note"), r.ContentLength)
	}
	e, addr := start(t, Config{Inline: true, Route: func(r *http.Request) http.Handler {
		mu.Lock()
		defer mu.Unlock()
		note := r.Header.Get("X-Note")
		if asked = append(asked, note+" from "+r.RemoteAddr); note == "1" || note == "2" {
			return http.HandlerFunc(one)
		}
		return nil
	}})
	c := dial(t, addr)
	c.taken(e)
	for _, want := range []string{"1", "1", "2", "1", "none", "none"} {
		for _, body := range []string{"ab", "abcdefghijk"} {
			c.send(fmt.Sprintf("POST /api HTTP/1.1\r\nHost: x\r\nX-Note: %s\r\nContent-Length: %d\r\n\r\n%s", want, len(body), body))
			got, want := c.answer(), fmt.Sprintf("\r\n\r\nrouted %s %d", want, len(body))
			if strings.HasSuffix(got, want) == strings.Contains(want, "none") {
				t.Errorf("answer %q, want %q", got, want)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	from := " from " + c.LocalAddr().String()
	if want := []string{"1" + from, "2" + from, "1" + from, "none" + from}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

func TestDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 5 {
			if got, want := date(), time.Now().UTC().Format(http.TimeFormat); got != want {
				t.Errorf("date %q, want %q", got, want)
			}
			time.Sleep(700 * time.Millisecond)
		}
	})
}

// The short way to write one field does what net/http does.
func TestHeader(t *testing.T) {
	for _, header := range []http.Header{
		{},
		{"Content-Type": {"text/plain"}},
		{"Content-Type": {" text/plain\t"}},
		{"Content-Type": {"a\r\nb: c"}},
		{"Content-Type": {"a", "b"}},
		{"Content-Type": nil},
		{"Date": {"never"}},
		{"Content-Type": {"text/plain"}, "Content-Length": {"1"}, "X-Note": {"1"}},
	} {
		w := &response{header: header}
		w.WriteHeader(http.StatusOK)
		_, got, _ := bytes.Cut(w.head.Bytes(), []byte("GMT\r\n"))
		var want bytes.Buffer
		header.WriteSubset(&want, ours)
		if string(got) != want.String() {
			t.Errorf("header %q, want %q", got, &want)
		}
	}
}
