package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"time"

	"github.com/r3labs/sse/v2"
)

// patience bounds every single wait in this program.
const patience = 15 * time.Second

// peer is one r3labs server listening on loopback.
type peer struct {
	*sse.Server
	web  *http.Server
	addr string
	// leftover are the goroutines in serveHTTP that nothing can end any more.
	leftover int
}

// serveHTTP is in the stacks of a reader's handler and of the goroutine that
// r3labs starts beside it.
const serveHTTP = "sse/v2.(*Server).ServeHTTP"

// startPeer serves r3labs' Server as its README shows it, plus AutoStream: a
// stream comes into being when its first reader connects.
func startPeer() (*peer, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := sse.New()
	server.AutoStream = true
	p := &peer{
		Server:   server,
		web:      &http.Server{Handler: server},
		addr:     listener.Addr().String(),
		leftover: goroutinesIn(serveHTTP),
	}
	go p.web.Serve(listener) // ends with close
	return p, nil
}

// close ends everything that can be ended. The connections go first and get
// time to deregister: Server.Close before that leaves a goroutine behind for
// every reader, which is one of the findings.
func (p *peer) close() {
	p.web.Close()
	within(patience, func() bool { return goroutinesIn(serveHTTP) <= p.leftover })
	p.Server.Close()
}

// abandon gives up all goroutines that still serve readers.
func (p *peer) abandon() { p.leftover = goroutinesIn(serveHTTP) }

// tab is one reader on a bare TCP connection, so that nothing but this program
// decides when bytes are read.
type tab struct {
	conn net.Conn
	in   *bufio.Reader
}

// openTab sends the request for a stream; lastEventID may be empty. It reads
// nothing yet.
func openTab(addr, stream, lastEventID string) (*tab, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	var request bytes.Buffer
	fmt.Fprintf(&request, "GET /?stream=%s HTTP/1.1\r\nHost: %s\r\n", url.QueryEscape(stream), addr)
	if lastEventID != "" {
		fmt.Fprintf(&request, "Last-Event-ID: %s\r\n", lastEventID)
	}
	request.WriteString("\r\n")
	if _, err := conn.Write(request.Bytes()); err != nil {
		conn.Close()
		return nil, err
	}
	return &tab{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// response waits for the status line and the headers.
func (t *tab) response(wait time.Duration) (*http.Response, error) {
	t.conn.SetReadDeadline(time.Now().Add(wait))
	defer t.conn.SetReadDeadline(time.Time{})
	return http.ReadResponse(t.in, nil)
}

// openStream opens a tab and waits for its headers: r3labs sends them only once
// the reader is registered, so nothing published afterwards is missed.
func openStream(addr, stream, lastEventID string) (*tab, *http.Response, error) {
	t, err := openTab(addr, stream, lastEventID)
	if err != nil {
		return nil, nil, err
	}
	response, err := t.response(patience)
	if err != nil {
		t.conn.Close()
		return nil, nil, err
	}
	return t, response, nil
}

// readUntil gives the lines that arrive up to and including one that equals last.
func (t *tab) readUntil(body io.Reader, last string) ([]string, error) {
	t.conn.SetReadDeadline(time.Now().Add(patience))
	defer t.conn.SetReadDeadline(time.Time{})
	var lines []string
	for in := bufio.NewScanner(body); ; {
		if !in.Scan() {
			return lines, fmt.Errorf("the stream ended before %q: %w", last, in.Err())
		}
		lines = append(lines, in.Text())
		if in.Text() == last {
			return lines, nil
		}
	}
}

// within polls until the condition holds and reports whether it did in time.
func within(limit time.Duration, condition func() bool) bool {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return true
		}
	}
	return condition()
}

// goroutinesIn counts the goroutines whose stack mentions a function.
func goroutinesIn(function string) int {
	stacks := make([]byte, 1<<22)
	stacks = stacks[:runtime.Stack(stacks, true)]
	count := 0
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if bytes.Contains(stack, []byte(function)) {
			count++
		}
	}
	return count
}
