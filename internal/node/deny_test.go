package node

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"notifier"
	"notifier/auth"
	"notifier/internal/config"
	"notifier/journal"
)

// caller calls control handlers as a publisher.
type caller struct {
	t    *testing.T
	node *Node
	who  *notifier.Publisher
}

// newCaller is a caller of a node of its own, who may address any token.
func newCaller(t *testing.T) caller {
	main, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Data, cfg.Drain = config.Memory, 0
	n, err := NewOn(main, nil, journal.Memory(journal.Options{}), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, end := context.WithCancel(context.Background())
		end()
		if err := n.Run(ended); err != nil { // which stops it at once
			t.Error(err)
		}
	})
	return caller{t, n, &notifier.Publisher{Name: "all", Rights: notifier.MayAll}}
}

func (c caller) as(prefix string) caller {
	c.who = &notifier.Publisher{Name: "some", Rights: notifier.MayAll, Prefixes: []string{prefix}}
	return c
}

// call is the answer, and the text of the error: "forbidden: " and its text if it is
// that.
func (c caller) call(h publisherHandler, target, body string) (answer map[string]any, failed string) {
	c.t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	switch err := h(w, r, c.who); {
	case errors.Is(err, notifier.ErrForbidden):
		return nil, "forbidden: " + err.Error()
	case err != nil:
		return nil, err.Error()
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		c.t.Fatalf("%s: %v", w.Body, err)
	}
	return answer, ""
}

// A publisher makes tickets for, denies, sees and lets in again what it may address.
func TestControlReach(t *testing.T) {
	all := newCaller(t)
	n, some := all.node, all.as("shop-")
	const foreign = "forbidden: token is none that this publisher may address"
	const credential = "forbidden: jwt may be named only by a publisher that may address every token"
	for _, step := range []struct {
		by           caller
		h            publisherHandler
		target, body string
		failed       string
	}{
		{some, n.issueTicket, "/", `{"token":"shop-1"}`, ""},
		{some, n.issueTicket, "/", `{"token":"bank-1"}`, foreign},
		{all, n.issueTicket, "/", `{"token":"bank-1"}`, ""},
		{some, n.deny, "/", `{"token":"shop-1","until":"1h"}`, ""},
		{some, n.deny, "/", `{"token":"bank-1","until":"1h"}`, foreign},
		{some, n.deny, "/", `{"jwt":"j","until":"1h"}`, credential},
		{all, n.deny, "/", `{"token":"bank-1","until":"1h"}`, ""},
		{all, n.deny, "/", `{"jwt":"j","until":"1h"}`, ""},
		{some, n.liftDenial, "/?token=bank-1", "", foreign},
		{some, n.liftDenial, "/?jwt=j", "", credential},
	} {
		if _, failed := step.by.call(step.h, step.target, step.body); failed != step.failed {
			t.Errorf("%s %s: %q, want %q", step.target, step.body, failed, step.failed)
		}
	}
	for _, who := range []struct {
		caller
		total float64
	}{{all, 3}, {some, 1}} {
		if answer, failed := who.call(n.listDenied, "/", ""); answer["total"] != who.total || len(answer["denied"].([]any)) != int(who.total) {
			t.Errorf("%v %s", answer, failed)
		}
	}
	if answer, _ := some.call(n.liftDenial, "/?token=shop-1", ""); answer["lifted"] != true {
		t.Error(answer)
	}
	if answer, _ := all.call(n.liftDenial, "/?token=shop-1", ""); answer["lifted"] != false {
		t.Error(answer)
	}
}

// The pages of the list have everything once, whatever is in a name.
func TestDeniedPages(t *testing.T) {
	c := newCaller(t)
	want := []auth.Subject{{JWT: "a:b"}, {JWT: "é"}, {Token: ":"}, {Token: "a&b=%"}, {Token: "jwt:x"}}
	for _, s := range want {
		if err := c.node.denied.Deny(s, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	var got []auth.Subject
	r := httptest.NewRequest(http.MethodGet, "/?limit=2", nil)
	for {
		w := httptest.NewRecorder()
		if err := c.node.listDenied(w, r, c.who); err != nil {
			t.Fatal(err)
		}
		var page struct {
			Total  int
			Denied []auth.Subject
			Next   string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || page.Total != len(want) {
			t.Fatalf("%s: %v", w.Body, err)
		}
		got = append(got, page.Denied...)
		if page.Next == "" {
			break
		}
		q := r.URL.Query()
		q.Set("after", page.Next)
		r.URL.RawQuery = q.Encode()
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestUntil(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"24h":                       "2026-03-02T12:00:00Z",
		"1.5s":                      "2026-03-01T12:00:01.5Z",
		"2026-03-01T14:00:00+01:00": "2026-03-01T13:00:00Z",
		"9999-12-31T23:59:59Z":      "9999-12-31T23:59:59Z",
		"2026-03-01T12:00:00Z":      "",
		"2026-03-01T12:00:00+01:00": "",
		"9999-12-31T23:59:59-01:00": "",
		"2026-03-02":                "",
		"0":                         "",
		"-1h":                       "",
		"1ns":                       "",
		"9999999h":                  "",
		"":                          "",
	} {
		until, ok := untilOf(text, now)
		if got := until.Format(time.RFC3339Nano); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s, %t; want %s", text, got, ok, want)
		}
	}
}

// FuzzControlBody holds that a body is taken or named as bad in words that have
// nothing of it but the name of a field.
func FuzzControlBody(f *testing.F) {
	for _, body := range []string{
		`{"token":"1","until":"1h"}`, `{"token":1}`, `{"token":"a","token":"b"}`, `{"x\u0000":1}`, `{"until":{"token":[1]}}`,
		`[]`, ``, `{`, `{"a/b~c":1}`, "{\"\xff\":1}", `{"token":"1"} {}`, `null`,
	} {
		f.Add(body)
	}
	details := []string{"must be a JSON object", "must be valid JSON", "is not a field of this call", "is there twice", "is of the wrong type"}
	n := &Node{cfg: config.Default()}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		var v struct {
			auth.Subject
			Until string `json:"until"`
		}
		err := n.receive(httptest.NewRecorder(), r, &v)
		if err == nil {
			if !json.Valid([]byte(body)) {
				t.Fatalf("%q was taken", body)
			}
			return
		}
		bad, ok := errors.AsType[notifier.FieldErrors](err)
		if !ok && !errors.Is(err, notifier.ErrTooLarge) {
			t.Fatal(err)
		}
		for _, b := range bad {
			if !slices.Contains(details, b.Detail) || len(b.Field) > 1000 || strings.ContainsFunc(b.Field, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("%q %q", b.Field, b.Detail)
			}
		}
	})
}
