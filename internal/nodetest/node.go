// Package nodetest starts whole nodes in tests: on real loopback sockets, or on a
// listener in memory inside a testing/synctest bubble.
package nodetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"notifier/internal/config"
	"notifier/internal/node"
	"notifier/internal/ssetest"
)

// A Node runs for the length of a test.
type Node struct {
	*node.Node
	Config config.Config // that it was started with
	URL    string        // with the base path
	Client *http.Client
	Admin  *http.Client // connects to the private listener whatever the host
	Log    *Log         // everything it logged

	stop context.CancelFunc
	done chan error
}

// Start runs a node on a free loopback port, with the default configuration as
// edited, in memory unless that names a directory. The test fails if it does not stop in order.
func Start(t testing.TB, edit ...func(*config.Config)) *Node {
	t.Helper()
	main, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return StartOn(t, main, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, edit...)
}

// StartPipe runs a node on a listener in memory.
func StartPipe(t testing.TB, edit ...func(*config.Config)) *Node {
	t.Helper()
	p := NewPipe()
	return StartOn(t, p, p.Client(), edit...)
}

// StartOn runs a node on a listener that client connects to.
func StartOn(t testing.TB, main net.Listener, client *http.Client, edit ...func(*config.Config)) *Node {
	t.Helper()
	cfg := config.Default()
	cfg.Data = config.Memory
	cfg.Listen = main.Addr().String()
	for _, e := range edit {
		e(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	n := &Node{Config: cfg, URL: "http://" + main.Addr().String() + cfg.BasePath, Client: client, Log: &Log{}, done: make(chan error, 1)}
	log := slog.New(slog.NewTextHandler(n.Log, &slog.HandlerOptions{Level: slog.Level(math.MinInt)}))
	events, err := node.OpenJournal(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	admin := NewPipe()
	n.Admin = admin.Client()
	if n.Node, err = node.NewOn(main, admin, events, cfg, log); err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, n.stop = context.WithCancel(context.Background())
	go func() { n.done <- n.Run(ctx) }()
	t.Cleanup(func() { n.Stop(t) })
	return n
}

// Stop drains the node and waits for its end. It may be called again.
func (n *Node) Stop(t testing.TB) {
	t.Helper()
	n.stop()
	if err := <-n.done; err != nil {
		t.Errorf("the node ended with: %v", err)
	}
	n.done <- nil
}

// Post sends a JSON body and returns the status and the answer.
func (n *Node) Post(t testing.TB, path, body string) (int, map[string]any) {
	t.Helper()
	return n.Do(t, http.MethodPost, path, body)
}

// Do sends a request, with a JSON body if there is one, and returns the status
// and the answer.
func (n *Node) Do(t testing.TB, method, path, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(method, n.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := n.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if len(b) > 0 && json.Unmarshal(b, &answer) != nil {
		t.Fatalf("%s %s: %d, not JSON: %s", method, path, resp.StatusCode, b)
	}
	return resp.StatusCode, answer
}

// Ask sends a request to the private listener and returns the status and the body.
func (n *Node) Ask(t testing.TB, method, path, body string) (int, string) {
	t.Helper()
	return ask(t, n.Admin, method, "http://localhost"+path, body)
}

// Get is GET on the main listener with the body as it is.
func (n *Node) Get(t testing.TB, path string) (int, string) {
	t.Helper()
	return ask(t, n.Client, http.MethodGet, n.URL+path, "")
}

func ask(t testing.TB, client *http.Client, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// A Stream is an open GET /events.
type Stream struct {
	*ssetest.Reader
	Header http.Header
	Status int
	Body   io.ReadCloser
}

// Open opens a stream; query is what follows "/events?", headers are pairs. The
// stream is closed with the test at the latest.
func (n *Node) Open(t testing.TB, query string, headers ...string) *Stream {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, n.URL+"/events?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := n.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &Stream{Reader: ssetest.NewReader(resp.Body), Header: resp.Header, Status: resp.StatusCode, Body: resp.Body}
}

// A Log collects what a node logs. It may be written and read concurrently.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
