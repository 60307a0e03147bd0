// Package problem turns errors into HTTP answers: application/problem+json after
// RFC 9457. It is the one place that does, so that an error means the same on
// every route.
//
// The type of every problem is about:blank: each status has one meaning here, so
// there is nothing that a URI could add to it. What to do about it is in detail,
// and for bad fields in errors.
//
// A client does not see the text of an error, which may hold what is not its
// business; it sees a sentence that belongs to the status. Exceptions are
// [notifier.FieldErrors], [notifier.Denied] and the Detail of a
// [notifier.LimitError], which are written for it, and an error that is nothing
// but ErrTooLarge or ErrMediaType with a word on what is taken instead
// (fmt.Errorf("%w: …", notifier.ErrTooLarge, …)): a limit, or a type.
package problem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"

	"notifier"
)

// Errors of routing, which only a router has.
var (
	ErrNotFound         = errors.New("no such route")
	ErrMethodNotAllowed = errors.New("method not allowed")
)

// A Problem is what a client is told of an error.
type Problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Errors []Field `json:"errors,omitempty"`
	// Reason is one of few words, for counters: the setting that refuses, if one does.
	Reason string `json:"-"`
}

// A Field is one bad field of a request.
type Field struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// ClientGone is the status of a request that nobody waits for any more, as
// nginx counts it. No client ever sees it.
const ClientGone = 499

// maxFields bounds the bad fields that an answer lists.
const maxFields = 100

// kinds is every error that has a status of its own, but FieldErrors; the first
// that matches counts. If it is telling, the text of an error that wraps it, and
// nothing else, goes before the detail.
var kinds = []struct {
	err     error
	status  int
	reason  string
	telling bool
	detail  string
}{
	{notifier.ErrUnauthorized, http.StatusUnauthorized, "unauthorized", false, "no valid credential: send it as Authorization: Bearer; a subscriber may also use the query parameter token or a cookie"},
	{notifier.ErrForbidden, http.StatusForbidden, "forbidden", false, "this credential does not allow it"},
	{ErrNotFound, http.StatusNotFound, "not-found", false, "there is nothing at this path"},
	{ErrMethodNotAllowed, http.StatusMethodNotAllowed, "method-not-allowed", false, "this path does not take this method; see Allow"},
	{notifier.ErrTimeout, http.StatusRequestTimeout, "timeout", false, "the request did not arrive in time; nothing was done"},
	{notifier.ErrConflict, http.StatusConflict, "conflict", false, "the idempotency key was already used for a different publication; nothing was sent"},
	{notifier.ErrTooLarge, http.StatusRequestEntityTooLarge, "too-large", true, "the body is larger than this server takes"},
	{notifier.ErrMediaType, http.StatusUnsupportedMediaType, "media-type", true, "the body must be application/json or application/x-www-form-urlencoded, that of a batch application/x-ndjson, and without Content-Encoding"},
	{notifier.ErrTooManyStreams, http.StatusTooManyRequests, "streams-per-token", false, "this token has as many open streams as it may have; close one first"},
	{notifier.ErrUnavailable, http.StatusServiceUnavailable, "unavailable", false, "temporarily unavailable; nothing was stored, and the same request may succeed later"},
	{context.Canceled, ClientGone, "client-gone", false, "the client closed the request"},
}

// Of says what a client is told of err. Where the status is 500 or more, an
// operator should be told err itself.
func Of(err error) Problem {
	if fields, ok := errors.AsType[notifier.FieldErrors](err); ok {
		return ofFields(http.StatusBadRequest, "bad-request", "the request has %d mistakes", fields)
	}
	if denied, ok := errors.AsType[notifier.Denied](err); ok {
		return ofFields(http.StatusForbidden, "forbidden", "this credential does not allow %d fields of the request", notifier.FieldErrors(denied))
	}
	if limit, ok := errors.AsType[*notifier.LimitError](err); ok {
		return of(http.StatusTooManyRequests, limit.Limit, limit.Detail)
	}
	for _, k := range kinds {
		switch {
		case !errors.Is(err, k.err):
		case k.telling && errors.Unwrap(err) == k.err:
			return of(k.status, k.reason, err.Error())
		default:
			return of(k.status, k.reason, k.detail)
		}
	}
	return of(http.StatusInternalServerError, "error", "something went wrong in the server; its log says what")
}

func of(status int, reason, detail string) Problem {
	title := http.StatusText(status)
	if status == ClientGone {
		title = "Client Closed Request"
	}
	return Problem{Type: "about:blank", Title: title, Status: status, Detail: detail, Reason: reason}
}

// ofFields lists the fields, but no more than maxFields: a small body can hold very
// many. many says how many there are.
func ofFields(status int, reason, many string, fields notifier.FieldErrors) Problem {
	p := of(status, reason, fmt.Sprintf(many, len(fields)))
	if len(fields) == 1 {
		p.Detail = fields.Error()
	}
	for _, f := range fields[:min(len(fields), maxFields)] {
		p.Errors = append(p.Errors, Field(f))
	}
	return p
}

// Write answers a request with the problem of err. The Allow header of a 405 is the
// caller's to set before.
func Write(w http.ResponseWriter, err error) {
	p := Of(err)
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="notifier"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfter(err))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(p.line())
}

// retryAfter is in how many seconds to try again: not before a limit lets it, and
// random beyond that, so that clients refused together do not come back together.
func retryAfter(err error) string {
	after := 1
	if limit, ok := errors.AsType[*notifier.LimitError](err); ok {
		after = max(after, int(math.Ceil(limit.After.Seconds())))
	}
	return strconv.Itoa(after + rand.IntN(3))
}

// Line is the problem of err as one line of JSON, without the line end: the
// answer to one publication of a batch.
func Line(err error) []byte { return Of(err).line() }

func (p Problem) line() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and numbers only: always encodable
	}
	return b
}
