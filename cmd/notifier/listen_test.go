package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/r3labs/sse/v2"
)

// A visit answers one connection of a listener.
type visit func(w http.ResponseWriter, r *http.Request)

// visited is a server that answers each connection with the next visit, and ends
// the stream for good after the last.
func visited(t *testing.T, visits ...visit) *httptest.Server {
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i := int(n.Add(1)) - 1; i < len(visits) {
			visits[i](w, r)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		srv.Close()
		if got := int(n.Load()); got < len(visits) {
			t.Errorf("%d connections, want at least %d", got, len(visits))
		}
	})
	return srv
}

// stream answers with a stream, if the client resumes as it should, and ends it
// cleanly.
func stream(t *testing.T, wantID, text string) visit {
	return func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Last-Event-ID"); got != wantID {
			t.Errorf("Last-Event-ID %q, want %q", got, wantID)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, text)
	}
}

// cut is a stream that breaks after its text.
func cut(t *testing.T, wantID, text string) visit {
	return func(w http.ResponseWriter, r *http.Request) {
		stream(t, wantID, text)(w, r)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func refuse(status int, contentType, text string) visit {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
}

// listen runs listen to its end and returns what it printed.
func listen(t *testing.T, cmd listenCmd, visits ...visit) (string, error) {
	t.Helper()
	cmd.URL = server(visited(t, visits...).URL)
	if cmd.Token == "" {
		cmd.Token = "s3cret"
	}
	var out bytes.Buffer
	err := cmd.Run(t.Context(), &out)
	return out.String(), err
}

const (
	begin  = "retry: 1\n:\n"
	eventA = "event: like\ndata: {\"n\":1}\nid: e-1\n\n"
	eventB = "data: {\"n\":2}\nid: e-2\n\n"
	lineA  = "e-1\tlike\t{\"n\":1}\n"
	lineB  = "e-2\tmessage\t{\"n\":2}\n"
)

func TestListenReconnects(t *testing.T) {
	ready := "event: notifier-ready\ndata: {\"resumed\":false}\nid: e-0\n\n"
	gap := "event: notifier-gap\ndata: {\"reason\":\"expired\"}\nid: e-7\n\n"
	for _, tt := range []struct {
		name   string
		visits []visit
		want   string
	}{
		{"after a clean end", []visit{stream(t, "", begin+eventA), stream(t, "e-1", begin+eventB)}, lineA + lineB},
		{"after a clean end without an event", []visit{stream(t, "", begin), stream(t, "", begin+eventA)}, lineA},
		{"after a clean end without a published event", []visit{stream(t, "", begin+ready), stream(t, "e-0", eventA)}, lineA},
		{"after a clean end within an event", []visit{stream(t, "", begin+eventA+"data: {\"n\":2}\nid: e-2\n"), stream(t, "e-1", eventB)}, lineA + lineB},
		{"after a cut between events", []visit{cut(t, "", begin+eventA), stream(t, "e-1", eventB)}, lineA + lineB},
		{"after a cut in the data", []visit{cut(t, "", begin+eventA+"data: {\"n\""), stream(t, "e-1", eventB)}, lineA + lineB},
		{"after a cut in the id", []visit{cut(t, "", begin+eventA+"data: {\"n\":2}\nid: e"), stream(t, "e-1", eventB)}, lineA + lineB},
		{"after a cut before the blank line", []visit{cut(t, "", begin+eventA+"data: {\"n\":2}\nid: e-2\n"), stream(t, "e-1", eventB)}, lineA + lineB},
		{"after a cut heartbeat", []visit{cut(t, "", begin+eventA+":\n:\n:"), stream(t, "e-1", eventB)}, lineA + lineB},
		{"after a proxy's error", []visit{stream(t, "", begin+eventA), refuse(502, "text/html", "<html>"), stream(t, "e-1", eventB)}, lineA + lineB},
		{"and says that there is a gap", []visit{stream(t, "", begin+eventA), stream(t, "e-1", gap), stream(t, "e-7", eventB)},
			lineA + "e-7\tnotifier-gap\t{\"reason\":\"expired\"}\n" + lineB},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := listen(t, listenCmd{}, tt.visits...)
			if err != nil || got != tt.want {
				t.Errorf("printed %q, %v\nwant    %q", got, err, tt.want)
			}
		})
	}
}

func TestListenRequest(t *testing.T) {
	check := func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer s3cret" {
			t.Errorf("Authorization %q", got)
		}
		if got := r.URL.String(); got != "/events?control=1&since=10m" {
			t.Errorf("URL %s", got)
		}
		stream(t, "e-0", begin+eventA)(w, r)
	}
	if got, err := listen(t, listenCmd{LastID: "e-0", Since: "10m"}, check); err != nil || got != lineA {
		t.Errorf("printed %q, %v", got, err)
	}
}

func TestListenGivesUp(t *testing.T) {
	for _, tt := range []struct {
		name  string
		visit visit
		want  string
	}{
		{"without a valid token", refuse(401, "application/problem+json", `{"detail":"no valid credential"}`), "the server answered 401 Unauthorized: no valid credential"},
		{"over the cap", refuse(429, "application/problem+json", `{"detail":"too many"}`), "the server answered 429 Too Many Requests: too many"},
		{"at another server", refuse(200, "text/html", "<html>"), `there is no event stream at /events, but "text/html"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := visited(t, tt.visit)
			cmd := listenCmd{URL: server(srv.URL), Token: "s3cret"}
			err := cmd.Run(t.Context(), io.Discard)
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestListenForms(t *testing.T) {
	published := begin + "event: a\x1b[2Jb\ndata: {\"x\":\"<é>\",\"n\":1.0}\nid: e-1\n\n" +
		"data: no JSON\nid: e-2\n\n" +
		"event: notifier-ping\ndata: {}\n\n" +
		"event: no data\nid: e-3\n\n" +
		"data: 3\n\n"
	want := "e-1\ta\ufffd[2Jb\t{\"x\":\"<é>\",\"n\":1.0}\n" + "e-2\tmessage\tno JSON\n" + "e-3\tmessage\t3\n"
	if got, err := listen(t, listenCmd{}, stream(t, "", published)); err != nil || got != want {
		t.Errorf("text %q, %v\nwant %q", got, err, want)
	}
	want = `{"id":"e-1","event":"a\u001b[2Jb","data":{"x":"<é>","n":1.0}}` + "\n" +
		`{"id":"e-2","event":"message","data":"no JSON"}` + "\n" +
		`{"id":"e-3","event":"message","data":3}` + "\n"
	if got, err := listen(t, listenCmd{JSON: true}, stream(t, "", published)); err != nil || got != want {
		t.Errorf("JSON %q, %v\nwant %q", got, err, want)
	}
}

func TestListenReadsBigEvents(t *testing.T) {
	big := strings.Repeat("x", 8<<20)
	got, err := listen(t, listenCmd{}, stream(t, "", begin+"data: "+big+"\nid: e-1\n\n"+eventB))
	if err != nil || got != "e-1\tmessage\t"+big+"\n"+lineB {
		t.Errorf("printed %d bytes, %v", len(got), err)
	}
}

// TestListenPrintsAtOnce holds that an event is printed while the stream is open,
// and that the end of the context ends it well.
func TestListenPrintsAtOnce(t *testing.T) {
	srv := visited(t, func(w http.ResponseWriter, r *http.Request) {
		stream(t, "", eventA)(w, r)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	out := writerFunc(func(p []byte) {
		if string(p) != lineA {
			t.Errorf("printed %q", p)
		}
		cancel()
	})
	cmd := listenCmd{URL: server(srv.URL), Token: "s3cret"}
	if err := cmd.Run(ctx, out); err != nil {
		t.Error(err)
	}
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func TestListenEndsIfItCannotPrint(t *testing.T) {
	broken, out := io.Pipe()
	failed := errors.New("disk full")
	broken.CloseWithError(failed)
	srv := visited(t, stream(t, "", eventA))
	cmd := listenCmd{URL: server(srv.URL), Token: "s3cret"}
	if err := cmd.Run(t.Context(), out); err != failed {
		t.Errorf("error %v, want %v", err, failed)
	}
}

// roundTrip is a transport without a network, for bubbles.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestListenWaits holds when a listener comes back: as retry: says, though no
// event follows it, longer while it is refused, as retry: says after the next
// stream.
func TestListenWaits(t *testing.T) {
	answers := []struct {
		status int
		text   string
		err    error
		// The range of the wait after this answer.
		least, most time.Duration
	}{
		{0, "", errors.New("no route"), 2 * time.Second, 3 * time.Second}, // nothing said yet
		{200, "", nil, time.Second, 1500 * time.Millisecond},
		{200, "retry: 4000\n:\n", nil, 4 * time.Second, 6 * time.Second},
		{503, "", nil, 8 * time.Second, 12 * time.Second},
		{0, "", errors.New("no route"), 16 * time.Second, 24 * time.Second},
		{503, "", nil, 30 * time.Second, 45 * time.Second},
		{503, "", nil, 30 * time.Second, 45 * time.Second},
		{200, ":\n", nil, 4 * time.Second, 6 * time.Second},
		{200, "retry:60000\n\nretry: soon\n", nil, time.Minute, 90 * time.Second},
		{503, "", nil, time.Minute, 90 * time.Second},
		{200, "retry: 0\n", nil, minWait, 2 * minWait},
		{200, "retry: 99999999999999999999\n", nil, minWait, 2 * minWait},
		{204, "", nil, 0, 0},
	}
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		l := newListener("http://127.0.0.1/events", "s3cret", "")
		l.client.Connection = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			a := answers[len(at)]
			at = append(at, time.Now())
			return &http.Response{
				StatusCode: a.status, Status: fmt.Sprint(a.status), Request: r,
				Header: http.Header{"Content-Type": {"text/event-stream"}},
				Body:   io.NopCloser(strings.NewReader(a.text)),
			}, a.err
		})}
		err := l.run(t.Context(), func(ev *sse.Event) error {
			return fmt.Errorf("event %+v where there is none", ev)
		})
		if err != nil || len(at) != len(answers) {
			t.Fatalf("%d of %d attempts, %v", len(at), len(answers), err)
		}
		for i, a := range answers[:len(answers)-1] {
			if wait := at[i+1].Sub(at[i]); wait < a.least || wait > a.most {
				t.Errorf("after answer %d: %v, want %v to %v", i, wait, a.least, a.most)
			}
		}
	})
}

// TestWaitsVary holds that listeners cut off together spread.
func TestWaitsVary(t *testing.T) {
	l := &listener{retry: time.Second}
	waits := make([]time.Duration, 20)
	for i := range waits {
		waits[i] = l.wait(0)
	}
	slices.Sort(waits)
	if len(slices.Compact(waits)) < 10 {
		t.Errorf("waits %v", waits)
	}
}
