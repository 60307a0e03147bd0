package ingest

import (
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"notifier"
)

func batch(t *testing.T, l *fakeLog, cfg Config, body string) (string, error) {
	t.Helper()
	w := httptest.NewRecorder()
	_, err := newIntake(l, cfg).Batch(w, post("/api/batch", typeNDJSON, body), anyone)
	if err != nil && (w.Body.Len() != 0 || len(w.Header()) != 0) {
		t.Error("an error, but wrote", w.Body)
	}
	if err == nil && w.Header().Get("Content-Type") != "application/x-ndjson" {
		t.Error(w.Header())
	}
	return w.Body.String(), err
}

// TestBatch: good and bad lines are answered in their places, and the good ones go
// to the journal in one call.
func TestBatch(t *testing.T) {
	l := &fakeLog{ack: func(p notifier.Publication) notifier.Ack {
		if p.Key == "used" {
			return notifier.Ack{Err: notifier.ErrConflict}
		}
		return notifier.Ack{Duplicate: p.Key == "known"}
	}}
	got, err := batch(t, l, Config{MaxBody: 50}, strings.Join([]string{
		`{"tokens":["a"]}`,
		``,
		`{"tokens":["a"],"x":1}`,
		" \t\r",
		`{"tokens":["b"],"id":"used"}` + "\r",
		`{"tokens":["c"],"id":"known"}`,
		`{"all":true,"data":"` + strings.Repeat("x", 50) + `"}`,
		`{"all":true}`, // and no line end
	}, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`{"responseCode":0,"data":"OK!","id":"9f86d08188-1","streams":1,"duplicate":false,"results":{"a":1}}`,
		`{"x is not a field of a publication"}`,
		`{"idempotency key already used for a different publication"}`,
		`{"responseCode":0,"data":"OK!","id":"9f86d08188-3","streams":1,"duplicate":true,"results":{"c":1}}`,
		`{"body too large: more than 50 bytes"}`,
		`{"responseCode":0,"data":"OK!","id":"9f86d08188-4","streams":7,"duplicate":false,"results":{}}`,
	}, "\n") + "\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if len(l.calls) != 1 || len(l.calls[0]) != 4 {
		t.Fatal("calls:", l.calls)
	}
	var order []string
	for _, p := range l.calls[0] {
		order = append(order, strings.Join(p.Tokens, "+"))
	}
	if !slices.Equal(order, []string{"a", "b", "c", ""}) {
		t.Error("order:", order)
	}
}

func TestBatchOfBadLines(t *testing.T) {
	l := &fakeLog{}
	got, err := batch(t, l, Config{}, "{}\nx\n")
	if err != nil || strings.Count(got, "\n") != 2 || len(l.calls) != 0 {
		t.Errorf("%q %v %v", got, err, l.calls)
	}
}

func TestBatchRefused(t *testing.T) {
	many := strings.Repeat("{\"all\":true}\n", MaxLines)
	if _, err := batch(t, &fakeLog{}, Config{}, many); err != nil {
		t.Error(err)
	}
	for _, body := range []string{"", "\n", " \r\n\t\n", many + "\n\n{}"} {
		l := &fakeLog{}
		if _, err := batch(t, l, Config{}, body); fieldsOf(err) != "." || len(l.calls) != 0 {
			t.Errorf("%.20q: %v", body, err)
		}
	}

	l := &fakeLog{}
	if _, err := batch(t, l, Config{MaxBatch: 20}, "{\"all\":true}\n{\"all\":true}"); !errors.Is(err, notifier.ErrTooLarge) || len(l.calls) != 0 {
		t.Error(err)
	}
	l.err = notifier.ErrUnavailable
	if _, err := batch(t, l, Config{}, "{\"all\":true}\nx"); !errors.Is(err, notifier.ErrUnavailable) {
		t.Error(err)
	}

	in, w := newIntake(&fakeLog{}, Config{}), httptest.NewRecorder()
	r := post("/api/batch", typeNDJSON, `{"all":true}`)
	r.Header.Set("Idempotency-Key", "k")
	if _, err := in.Batch(w, r, anyone); fieldsOf(err) != "Idempotency-Key" {
		t.Error(err)
	}
	for _, kind := range []string{typeJSON, "application/json-lines", ""} {
		if _, err := in.Batch(w, post("/api/batch", kind, `{"all":true}`), anyone); !errors.Is(err, notifier.ErrMediaType) {
			t.Errorf("%q: %v", kind, err)
		}
	}
	if _, err := in.Batch(w, post("/api/batch?results=0", typeNDJSON, `{"all":true}`), anyone); fieldsOf(err) != "results" {
		t.Error(err)
	}
}

// TestBatchResults: the query is for every line.
func TestBatchResults(t *testing.T) {
	body := `{"tokens":` + tokenList(101) + "}\n"
	for query, want := range map[string]int{"": 0, "?results=all": 2} {
		w := httptest.NewRecorder()
		if _, err := newIntake(&fakeLog{}, Config{}).Batch(w, post("/api/batch"+query, typeNDJSON, body+body), anyone); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(w.Body.String(), `"results":`+results(101)); got != want {
			t.Errorf("%q: %d", query, got)
		}
	}
}
