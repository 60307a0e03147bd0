package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"notifier"
)

const (
	defaultTTL = time.Hour
	maxTTL     = 24 * time.Hour
)

var anyone = &notifier.Publisher{Name: "anyone", Rights: notifier.MayAll}

// A fakeLog takes publications and says what it is told to.
type fakeLog struct {
	calls [][]notifier.Publication
	err   error
	ack   func(notifier.Publication) notifier.Ack // besides the id, which counts up
	seq   uint64
}

func (l *fakeLog) Append(_ context.Context, pubs []notifier.Publication) ([]notifier.Ack, error) {
	if l.calls = append(l.calls, pubs); l.err != nil {
		return nil, l.err
	}
	acks := make([]notifier.Ack, len(pubs))
	for i, p := range pubs {
		if l.ack != nil {
			acks[i] = l.ack(p)
		}
		l.seq++
		acks[i].ID = notifier.ID{Epoch: 0x9f86d08188, Seq: l.seq}
	}
	return acks, nil
}

// online has as many streams for a token as its text is long, 7 in total.
func online(tokens []string) []int {
	counts := make([]int, len(tokens))
	for i, t := range tokens {
		counts[i] = len(t)
	}
	return counts
}

func newIntake(l *fakeLog, cfg Config) *Intake {
	cfg.DefaultTTL, cfg.MaxTTL = defaultTTL, maxTTL
	cfg.Problem = func(err error) []byte { return fmt.Appendf(nil, "{%q}\n", err.Error()) }
	return New(l.Append, online, func() int { return 7 }, cfg)
}

func post(target, kind, body string) *http.Request {
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	return r
}

// fieldsOf are the fields that an error names, "." for the whole.
func fieldsOf(err error) string {
	var errs notifier.FieldErrors
	if !errors.As(err, &errs) {
		return fmt.Sprint("no field errors: ", err)
	}
	var names []string
	for _, e := range errs {
		if e.Field == "" {
			e.Field = "."
		}
		names = append(names, e.Field)
	}
	return strings.Join(names, " ")
}

func TestAnswer(t *testing.T) {
	const begin = `{"responseCode":0,"data":"OK!","id":"9f86d08188-1","streams":`
	duplicate := func(notifier.Publication) notifier.Ack { return notifier.Ack{Duplicate: true} }
	hundred, more := tokenList(100), tokenList(101)
	for _, c := range []struct {
		name, target, body string
		ack                func(notifier.Publication) notifier.Ack
		want               string
	}{
		{"tokens", "/api", `{"tokens":["b","a","bcd"]}`, nil, `5,"duplicate":false,"results":{"b":1,"a":1,"bcd":3}}`},
		{"quoting", "/api", `{"tokens":["\"\\é\u2028"]}`, nil, `7,"duplicate":false,"results":{"\"\\é` + "\u2028" + `":7}}`},
		{"all", "/api", `{"all":true}`, nil, `7,"duplicate":false,"results":{}}`},
		{"duplicate", "/api", `{"tokens":["a"],"id":"k"}`, duplicate, `1,"duplicate":true,"results":{"a":1}}`},
		{"other queries", "/api?token=x&result=1", `{"tokens":["a"]}`, nil, `1,"duplicate":false,"results":{"a":1}}`},
		{"100 tokens", "/api", `{"tokens":` + hundred + `}`, nil, `400,"duplicate":false,"results":` + results(100) + `}`},
		{"101 tokens", "/api", `{"tokens":` + more + `}`, nil, `404,"duplicate":false}`},
		{"101 tokens asked for", "/api?results=all", `{"tokens":` + more + `}`, nil, `404,"duplicate":false,"results":` + results(101) + `}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			in := newIntake(&fakeLog{ack: c.ack}, Config{})
			if _, err := in.Publish(w, post(c.target, typeJSON, c.body), anyone); err != nil {
				t.Fatal(err)
			}
			if got := w.Body.String(); got != begin+c.want+"\n" {
				t.Errorf("got  %q\nwant %q", got, begin+c.want+"\n")
			}
			if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
				t.Error(w.Code, w.Header())
			}
		})
	}
}

// tokenList is a JSON array of n tokens of 4 bytes, results what an answer says
// of them.
func tokenList(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"t%03d"`, i)
	}
	return "[" + b.String()[1:] + "]"
}

func results(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"t%03d":4`, i)
	}
	return "{" + b.String()[1:] + "}"
}

// TestRefused: an error has published and written nothing.
func TestRefused(t *testing.T) {
	with := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = values }
	}
	const ok = `{"tokens":["a"]}`
	for _, c := range []struct {
		name, target, body string
		change             func(*http.Request)
		want               error  // wrapped, or
		fields             string // named
	}{
		{"no type", "/api", ok, func(r *http.Request) { r.Header.Del("Content-Type") }, notifier.ErrMediaType, ""},
		{"text", "/api", ok, with("Content-Type", "text/plain"), notifier.ErrMediaType, ""},
		{"batch on the wrong path", "/api", ok, with("Content-Type", typeNDJSON), notifier.ErrMediaType, ""},
		{"prefix of a type", "/api", ok, with("Content-Type", "application/jsonx"), notifier.ErrMediaType, ""},
		{"two types", "/api", ok, with("Content-Type", typeJSON, typeForm), notifier.ErrMediaType, ""},
		{"gzip", "/api", ok, with("Content-Encoding", "gzip"), notifier.ErrMediaType, ""},
		{"identity, gzip", "/api", ok, with("Content-Encoding", "identity", "gzip"), notifier.ErrMediaType, ""},
		{"bad field", "/api", `{"tokens":[""]}`, nil, nil, "tokens[0]"},
		{"results", "/api?results=some", ok, nil, nil, "results"},
		{"results twice", "/api?results=all&results=all", ok, nil, nil, "results"},
		{"two keys", "/api", ok, with("Idempotency-Key", "a", "a"), nil, "Idempotency-Key"},
		{"empty key", "/api", ok, with("Idempotency-Key", ""), nil, "Idempotency-Key"},
		{"empty quoted key", "/api", ok, with("Idempotency-Key", `""`), nil, "Idempotency-Key"},
		{"long key", "/api", ok, with("Idempotency-Key", strings.Repeat("k", 129)), nil, "Idempotency-Key"},
		{"key not UTF-8", "/api", ok, with("Idempotency-Key", "\xff"), nil, "Idempotency-Key"},
		{"tab in key", "/api", ok, with("Idempotency-Key", "a\tb"), nil, "Idempotency-Key"},
		{"other key in the body", "/api", `{"tokens":["a"],"id":"b"}`, with("Idempotency-Key", "a"), nil, "id"},
		{"bad key in the body", "/api", `{"tokens":["a"],"id":""}`, with("Idempotency-Key", "a"), nil, "id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := post(c.target, typeJSON, c.body)
			if c.change != nil {
				c.change(r)
			}
			l, w := &fakeLog{}, httptest.NewRecorder()
			_, err := newIntake(l, Config{}).Publish(w, r, anyone)
			if c.want != nil && !errors.Is(err, c.want) || c.want == nil && fieldsOf(err) != c.fields {
				t.Errorf("got %v, want %v or %q", err, c.want, c.fields)
			}
			if len(l.calls) != 0 || w.Body.Len() != 0 || len(w.Header()) != 0 {
				t.Error("published or wrote:", l.calls, w.Body, w.Header())
			}
		})
	}
}

func TestAppendFails(t *testing.T) {
	conflict := func(notifier.Publication) notifier.Ack { return notifier.Ack{Err: notifier.ErrConflict} }
	for _, c := range []struct {
		log  *fakeLog
		want error
	}{
		{&fakeLog{err: fmt.Errorf("disk: %w", notifier.ErrUnavailable)}, notifier.ErrUnavailable},
		{&fakeLog{ack: conflict}, notifier.ErrConflict},
	} {
		w := httptest.NewRecorder()
		_, err := newIntake(c.log, Config{}).Publish(w, post("/api", typeJSON, `{"tokens":["a"]}`), anyone)
		if !errors.Is(err, c.want) {
			t.Errorf("got %v, want %v", err, c.want)
		}
		if w.Body.Len() != 0 || len(w.Header()) != 0 {
			t.Error("wrote:", w.Body, w.Header())
		}
	}
}

// TestContext: a journal can give up on a publisher that is gone.
func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	refuse := func(ctx context.Context, _ []notifier.Publication) ([]notifier.Ack, error) {
		return nil, ctx.Err()
	}
	in := New(refuse, online, nil, Config{})
	if _, err := in.Publish(httptest.NewRecorder(), post("/api", typeJSON, `{"all":true}`).WithContext(ctx), anyone); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := in.Batch(httptest.NewRecorder(), post("/api/batch", typeNDJSON, `{"all":true}`).WithContext(ctx), anyone); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestMediaTypes(t *testing.T) {
	for _, kind := range []string{"application/json", "Application/JSON", "application/json; charset=utf-8", " application/json ;x"} {
		r := post("/api", kind, `{"tokens":["a"]}`)
		r.Header.Set("Content-Encoding", "Identity")
		if _, err := newIntake(&fakeLog{}, Config{}).Publish(httptest.NewRecorder(), r, anyone); err != nil {
			t.Errorf("%q: %v", kind, err)
		}
	}
}

func TestIdempotencyKey(t *testing.T) {
	for _, c := range []struct{ header, body, want string }{
		{"order-7", `{"tokens":["a"]}`, "order-7"},
		{`"order-7"`, `{"tokens":["a"]}`, "order-7"},
		{`"a\"b\\c"`, `{"tokens":["a"]}`, `a"b\c`},
		{`"`, `{"tokens":["a"]}`, `"`},
		{"order-7", `{"tokens":["a"],"id":"order-7"}`, "order-7"},
		{"", `{"tokens":["a"],"id":"order-7"}`, "order-7"},
		{"", `{"tokens":["a"]}`, ""},
	} {
		l, r := &fakeLog{}, post("/api", typeJSON, c.body)
		if c.header != "" {
			r.Header.Set("Idempotency-Key", c.header)
		}
		if _, err := newIntake(l, Config{}).Publish(httptest.NewRecorder(), r, anyone); err != nil {
			t.Errorf("%+v: %v", c, err)
		} else if got := l.calls[0][0].Key; got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}
