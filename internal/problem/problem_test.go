package problem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"notifier"
)

// secret stands for what an error's text may hold and a client must not see.
const secret = "secret-7f3a"

// cases are all kinds of errors, each wrapped with the secret.
var cases = []struct {
	err    error
	status int
	title  string
}{
	{notifier.BadField("tokens[3]", "must be a string"), 400, "Bad Request"},
	{notifier.ErrUnauthorized, 401, "Unauthorized"},
	{notifier.ErrForbidden, 403, "Forbidden"},
	{ErrNotFound, 404, "Not Found"},
	{ErrMethodNotAllowed, 405, "Method Not Allowed"},
	{notifier.ErrTimeout, 408, "Request Timeout"},
	{notifier.ErrConflict, 409, "Conflict"},
	{notifier.ErrTooLarge, 413, "Request Entity Too Large"},
	{notifier.ErrMediaType, 415, "Unsupported Media Type"},
	{notifier.Denied{{Field: "tokens[3]", Detail: "is none that this publisher may address"}}, 403, "Forbidden"},
	{notifier.ErrTooManyStreams, 429, "Too Many Requests"},
	{&notifier.LimitError{Limit: "publish-rate", Detail: "too often"}, 429, "Too Many Requests"},
	{context.Canceled, 499, "Client Closed Request"},
	{errors.New("disk on fire"), 500, "Internal Server Error"},
	{context.DeadlineExceeded, 500, "Internal Server Error"},
	{notifier.ErrUnavailable, 503, "Service Unavailable"},
}

func TestWrite(t *testing.T) {
	for _, c := range cases {
		t.Run(c.title, func(t *testing.T) {
			err := fmt.Errorf("again: %w", fmt.Errorf("%s: %w", secret, c.err))
			rec := httptest.NewRecorder()
			Write(rec, err)

			if rec.Code != c.status {
				t.Errorf("status %d, want %d", rec.Code, c.status)
			}
			for name, want := range map[string]string{
				"Content-Type":           "application/problem+json",
				"Cache-Control":          "no-store",
				"X-Content-Type-Options": "nosniff",
				"WWW-Authenticate":       map[bool]string{true: `Bearer realm="notifier"`}[c.status == 401],
			} {
				if got := rec.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			retry := rec.Header().Get("Retry-After")
			if wanted := c.status == 429 || c.status == 503; wanted != slices.Contains([]string{"1", "2", "3"}, retry) || !wanted && retry != "" {
				t.Errorf("Retry-After: %q", retry)
			}
			if strings.Contains(rec.Body.String(), secret) {
				t.Errorf("the answer shows the error's text: %s", rec.Body)
			}
			_, denied := errors.AsType[notifier.Denied](c.err)
			checkBody(t, rec.Body.Bytes(), c.status, c.title, denied || c.status == http.StatusBadRequest)
			if line := string(Line(err)); line != rec.Body.String() || strings.Contains(line, "\n") {
				t.Errorf("as a line: %q, as an answer: %q", line, rec.Body)
			}
		})
	}
}

func checkBody(t *testing.T, body []byte, status int, title string, fields bool) {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if got["type"] != "about:blank" || got["title"] != title || got["status"] != float64(status) || got["detail"] == "" {
		t.Errorf("body %s", body)
	}
	if _, ok := got["errors"]; ok != fields {
		t.Errorf("errors present: %v in %s", ok, body)
	}
}

func TestFields(t *testing.T) {
	one := Of(notifier.BadField("ttl", "must not be negative"))
	if one.Detail != "ttl must not be negative" {
		t.Errorf("detail %q", one.Detail)
	}
	two := Of(notifier.FieldErrors{{Field: "ttl", Detail: "must not be negative"}, {Detail: "must be an object"}})
	want := []Field{{"ttl", "must not be negative"}, {"", "must be an object"}}
	if !reflect.DeepEqual(two.Errors, want) || two.Detail != "the request has 2 mistakes" {
		t.Errorf("got %+v", two)
	}
}

func TestFieldsAreBounded(t *testing.T) {
	p := Of(make(notifier.FieldErrors, 350_000))
	if len(p.Errors) != maxFields || p.Detail != "the request has 350000 mistakes" {
		t.Errorf("%d errors, detail %q", len(p.Errors), p.Detail)
	}
}

// TestRetryAfterVaries holds that clients refused together are told different
// times: 200 equal draws of three would happen once in 10^95.
func TestRetryAfterVaries(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		rec := httptest.NewRecorder()
		Write(rec, notifier.ErrUnavailable)
		seen[rec.Header().Get("Retry-After")] = true
	}
	if len(seen) != 3 {
		t.Errorf("values %v, want 1, 2 and 3", seen)
	}
}

// TestLimit holds that a limit's own words and its own time are told.
func TestLimit(t *testing.T) {
	limit := &notifier.LimitError{Limit: "publish-rate", Detail: "100 a second are too many", After: 8500 * time.Millisecond}
	seen := map[string]bool{}
	for range 200 {
		rec := httptest.NewRecorder()
		Write(rec, fmt.Errorf("%s: %w", secret, limit))
		seen[rec.Header().Get("Retry-After")] = true
		if p := Of(limit); rec.Code != 429 || p.Detail != limit.Detail {
			t.Fatalf("%d %+v", rec.Code, p)
		}
	}
	if len(seen) != 3 || !seen["9"] || !seen["10"] || !seen["11"] {
		t.Errorf("Retry-After %v, want 9, 10 and 11", seen)
	}
}

// TestDenied holds that a client is told which fields it may not use.
func TestDenied(t *testing.T) {
	one := Of(notifier.Denied{{Field: "all", Detail: "is not for you"}})
	if one.Status != 403 || one.Detail != "all is not for you" || !reflect.DeepEqual(one.Errors, []Field{{"all", "is not for you"}}) {
		t.Errorf("%+v", one)
	}
	if two := Of(make(notifier.Denied, 2)); two.Detail != "this credential does not allow 2 fields of the request" {
		t.Errorf("%+v", two)
	}
}

// TestFirstKindCounts holds that an unavailable journal is reported as such even
// when a cancelled call is what made it so.
func TestFirstKindCounts(t *testing.T) {
	if p := Of(fmt.Errorf("%w: %w", notifier.ErrUnavailable, context.Canceled)); p.Status != 503 {
		t.Errorf("status %d, want 503", p.Status)
	}
}

// TestTelling holds which texts a client sees: those of two kinds, and only if
// nothing else is wrapped.
func TestTelling(t *testing.T) {
	for _, sentinel := range []error{notifier.ErrTooLarge, notifier.ErrMediaType} {
		told := fmt.Errorf("%w: what is taken", sentinel)
		if got := Of(told).Detail; got != told.Error() {
			t.Errorf("detail %q, want %q", got, told)
		}
		for _, err := range []error{sentinel, fmt.Errorf("%s: %w", secret, told), fmt.Errorf("%w: %w", sentinel, errors.New(secret))} {
			if got := Of(err).Detail; strings.Contains(got, secret) || got == sentinel.Error() {
				t.Errorf("%v: detail %q", err, got)
			}
		}
	}
	if got := Of(fmt.Errorf("%w: %s", notifier.ErrUnavailable, secret)).Detail; strings.Contains(got, secret) {
		t.Errorf("detail %q", got)
	}
}

// Reasons are words for counters: few, and the same for every request.
func TestReason(t *testing.T) {
	for reason, err := range map[string]error{
		"publish-rate":      fmt.Errorf("line 3: %w", &notifier.LimitError{Limit: "publish-rate", Detail: "too often"}),
		"bad-request":       notifier.BadField("ttl", "must be positive"),
		"forbidden":         notifier.Denied{{Field: "tokens[0]", Detail: "is none that this publisher may address"}},
		"streams-per-token": notifier.ErrTooManyStreams,
		"too-large":         fmt.Errorf("%w: more than 5 bytes", notifier.ErrTooLarge),
		"error":             errors.New("disk on fire"),
	} {
		if got := Of(err).Reason; got != reason {
			t.Errorf("%v: %q, want %q", err, got, reason)
		}
	}
	seen := map[string]bool{}
	for _, k := range kinds {
		if k.reason == "" || seen[k.reason] {
			t.Errorf("%v: reason %q", k.err, k.reason)
		}
		seen[k.reason] = true
	}
}
