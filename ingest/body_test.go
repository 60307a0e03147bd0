package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"notifier"
)

func TestBodyLimit(t *testing.T) {
	body := `{"tokens":["a"]}`
	for _, c := range []struct {
		limit   int64
		chunked bool
		ok      bool
	}{
		{int64(len(body)), false, true}, {int64(len(body)), true, true},
		{int64(len(body)) - 1, false, false}, {int64(len(body)) - 1, true, false},
	} {
		r := post("/api", typeJSON, body)
		if c.chunked {
			r.ContentLength = -1
		}
		_, err := newIntake(&fakeLog{}, Config{MaxBody: c.limit}).Publish(httptest.NewRecorder(), r, anyone)
		if c.ok && err != nil || !c.ok && !errors.Is(err, notifier.ErrTooLarge) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestDefaultLimits(t *testing.T) {
	in := newIntake(&fakeLog{}, Config{})
	for _, c := range []struct {
		handle func(http.ResponseWriter, *http.Request, *notifier.Publisher) (Receipt, error)
		kind   string
		limit  int64
	}{{in.Publish, typeJSON, 1 << 20}, {in.Batch, typeNDJSON, 16 << 20}} {
		r := post("/", c.kind, "{}")
		r.ContentLength = c.limit + 1
		if _, err := c.handle(httptest.NewRecorder(), r, anyone); !errors.Is(err, notifier.ErrTooLarge) {
			t.Error(c.kind, err)
		}
		r.ContentLength = c.limit
		if _, err := c.handle(httptest.NewRecorder(), r, anyone); errors.Is(err, notifier.ErrTooLarge) {
			t.Error(c.kind, err)
		}
	}
}

// TestUnread: a body that is refused by its length is not read.
func TestUnread(t *testing.T) {
	r := post("/api", typeJSON, "")
	r.Body = io.NopCloser(iotest.ErrReader(errors.New("read")))
	r.ContentLength = 2 << 20
	if _, err := newIntake(&fakeLog{}, Config{}).Publish(httptest.NewRecorder(), r, anyone); !errors.Is(err, notifier.ErrTooLarge) {
		t.Error(err)
	}
}

// TestMemoryFollowsBytes: a Content-Length is a promise, not a reason to allocate.
func TestMemoryFollowsBytes(t *testing.T) {
	in := newIntake(&fakeLog{}, Config{})
	r := post("/api/batch", typeNDJSON, "x")
	r.ContentLength = 16 << 20
	_, body, err := in.receive(httptest.NewRecorder(), r, nil, 16<<20, typeNDJSON)
	if err != nil || cap(body) > 2*firstRead {
		t.Error(err, cap(body))
	}
}

// TestBodyIsNotKept: the memory of a body is that of the next one. What was published
// and what was said of mistakes is not.
func TestBodyIsNotKept(t *testing.T) {
	l := &fakeLog{}
	in := newIntake(l, Config{})
	var want, got []string
	for i := range 20 {
		n := fmt.Sprintf("%02d", i)
		fields := []string{"t" + n, "e" + n, `"d` + n + `"`, "n" + n, "k" + n}
		for kind, body := range map[string]string{
			typeJSON: fmt.Sprintf(`{"tokens":[%q],"entityType":%q,"data": %s,"event":%q,"id":%q}`, fields[0], fields[1], fields[2], fields[3], fields[4]),
			typeForm: fmt.Sprintf(`tokens=%s&entityType=%s&data=%s&event=%s&id=%s`, fields[0], fields[1], strings.Trim(fields[2], `"`), fields[3], fields[4]),
		} {
			if _, err := in.Publish(httptest.NewRecorder(), post("/api", kind, body), anyone); err != nil {
				t.Fatal(err)
			}
			want = append(want, fmt.Sprintf(`%s {"entityType":%q,"data":%s} %s %s`, fields[0], fields[1], fields[2], fields[3], fields[4]))
		}
	}
	for _, c := range l.calls {
		got = append(got, fmt.Sprintf("%s %s %s %s", c[0].Tokens[0], c[0].Data, c[0].Name, c[0].Key))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}

	var errs []error
	for i := range 20 {
		_, err := in.Publish(httptest.NewRecorder(), post("/api", typeJSON, fmt.Sprintf(`{"f%02d":1}`, i)), anyone)
		errs = append(errs, err)
	}
	for i, err := range errs {
		if got, want := fieldsOf(err), fmt.Sprintf("f%02d tokens", i); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCutOff(t *testing.T) {
	r := post("/api", typeJSON, "")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"all":true}`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	l := &fakeLog{}
	if _, err := newIntake(l, Config{}).Publish(httptest.NewRecorder(), r, anyone); fieldsOf(err) != "." || len(l.calls) != 0 {
		t.Error(err, l.calls)
	}
}

// serve runs an http.Server with an Intake on one end of a pipe and returns the
// other end. It must be called in a bubble.
func serve(t *testing.T, in *Intake) net.Conn {
	statuses := map[error]int{notifier.ErrTooLarge: 413, notifier.ErrMediaType: 415, notifier.ErrTimeout: 408}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := in.Publish(w, r, anyone); err != nil {
			status := 400
			for sentinel, s := range statuses {
				if errors.Is(err, sentinel) {
					status = s
				}
			}
			http.Error(w, err.Error(), status)
		}
	})}
	client, server := net.Pipe()
	l := &pipeListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.conns <- server
	go srv.Serve(l)
	t.Cleanup(func() {
		client.Close()
		srv.Close()
		time.Sleep(time.Second) // net/http lingers where it has not read everything
	})
	return client
}

// A pipeListener accepts the connections that it is given.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

// exchange sends text and returns the answer's status and how long it took.
func exchange(t *testing.T, conn net.Conn, text string) (int, time.Duration) {
	t.Helper()
	start := time.Now()
	go io.WriteString(conn, text)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, time.Since(start)
}

func head(kind, length string) string {
	return "POST /api HTTP/1.1\r\nHost: x\r\nContent-Type: " + kind + "\r\n" + length + "\r\n\r\n"
}

func TestSlowBody(t *testing.T) {
	const body = `{"tokens":["a"]}`
	chunk := fmt.Sprintf("%x\r\n%s\r\n", len(body), body)
	for _, c := range []struct {
		name, sent string
		status     int
		after      time.Duration
	}{
		{"whole", head(typeJSON, "Content-Length: 16") + body, 200, 0},
		{"stalled", head(typeJSON, "Content-Length: 17") + body, 408, 5 * time.Second},
		{"stalled chunks", head(typeJSON, "Transfer-Encoding: chunked") + chunk, 408, 5 * time.Second},
		{"nothing of it", head(typeJSON, "Content-Length: 16"), 408, 5 * time.Second},
		// net/http reads what is left of a small body before it answers.
		{"refused and stalled", head("text/plain", "Content-Length: 16"), 415, 5 * time.Second},
		{"too long by its length", head(typeJSON, "Content-Length: 1000000"), 413, 0},
		{"too long in chunks", head(typeJSON, "Transfer-Encoding: chunked") + strings.Repeat(chunk, 100), 413, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := serve(t, newIntake(&fakeLog{}, Config{MaxBody: 1000, BodyTimeout: 5 * time.Second}))
				if status, took := exchange(t, conn, c.sent); status != c.status || took != c.after {
					t.Errorf("%d after %v, want %d after %v", status, took, c.status, c.after)
				}
			})
		})
	}
}

// TestDeadlineIsOver: the deadline is for the body. A journal may take longer, and
// the connection is good for another request much later.
func TestDeadlineIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, pubs []notifier.Publication) ([]notifier.Ack, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Minute):
				return make([]notifier.Ack, len(pubs)), nil
			}
		}
		in := New(slow, online, func() int { return 0 }, Config{BodyTimeout: time.Second})
		conn := serve(t, in)
		request := head(typeJSON, "Content-Length: 16") + `{"tokens":["a"]}`
		for range 2 {
			if status, took := exchange(t, conn, request); status != 200 || took != time.Minute {
				t.Error(status, took)
			}
			time.Sleep(time.Minute)
		}
	})
}
