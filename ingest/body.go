package ingest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"notifier"
)

// The content types that are taken.
const (
	typeJSON   = "application/json"
	typeForm   = "application/x-www-form-urlencoded"
	typeNDJSON = "application/x-ndjson"
)

// A body of up to firstRead bytes gets the memory that its Content-Length says, a
// larger one grows with what really arrives: a client must not reserve memory by
// promising. One of unknown length begins with leastRead.
const (
	firstRead = 64 << 10
	leastRead = 512
)

// receive is [Receive] with the intake's time. A body that fits into room is there.
func (in *Intake) receive(w http.ResponseWriter, r *http.Request, room []byte, limit int64, taken ...string) (string, []byte, error) {
	return receive(w, r, room, in.cfg.BodyTimeout, limit, taken...)
}

// Receive reads the whole body, which must arrive in time, at most limit bytes of one
// of the types taken, and says which type it is. Errors are [notifier.ErrTimeout],
// [notifier.ErrTooLarge], [notifier.ErrMediaType] and [notifier.FieldErrors].
//
// The read deadline is cleared only after a body that was read to its end. While
// something is unread it stays: net/http drains a refused body before it answers,
// and without a deadline it would wait for a client that sends nothing. It goes
// with the request.
func Receive(w http.ResponseWriter, r *http.Request, timeout time.Duration, limit int64, taken ...string) (string, []byte, error) {
	return receive(w, r, nil, timeout, limit, taken...)
}

func receive(w http.ResponseWriter, r *http.Request, room []byte, timeout time.Duration, limit int64, taken ...string) (string, []byte, error) {
	// An error means that w knows no deadlines, or that the connection is gone,
	// which reading will tell.
	conn := http.NewResponseController(w)
	conn.SetReadDeadline(time.Now().Add(timeout))

	kind, err := mediaType(r.Header, taken)
	if err != nil {
		return "", nil, err
	}
	if r.ContentLength > limit {
		return "", nil, tooLarge(limit)
	}
	body, expected := r.Body, r.ContentLength
	if expected < 0 { // otherwise the body ends where it says
		body, expected = http.MaxBytesReader(w, body, limit), leastRead
	}
	read, err := readAll(body, room, int(min(expected, firstRead)))
	if err != nil {
		return "", nil, readError(err, limit)
	}
	conn.SetReadDeadline(time.Time{})
	return kind, read, nil
}

// readAll reads to the end, into room if that is enough. If as many bytes come as
// expected, they are all the memory it takes, but for one that shows the end.
func readAll(r io.Reader, room []byte, expected int) ([]byte, error) {
	b := room[:0]
	if cap(b) <= expected {
		b = make([]byte, 0, expected+1)
	}
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, err
		case len(b) == cap(b):
			b = slices.Grow(b, max(len(b), leastRead))
		}
	}
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: more than %d bytes", notifier.ErrTooLarge, limit)
}

func readError(err error, limit int64) error {
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: reading the body: %w", notifier.ErrTimeout, err)
	}
	return notifier.BadField("", "the body ended before it was complete")
}

// mediaType is which of the types taken the body has. Parameters do not matter: a
// charset that is not UTF-8 shows in the bytes.
//
// Compressed bodies are refused, so that a limit on bytes received is a limit on
// bytes worked on.
func mediaType(h http.Header, taken []string) (string, error) {
	for _, enc := range h["Content-Encoding"] {
		if !strings.EqualFold(strings.TrimSpace(enc), "identity") {
			return "", fmt.Errorf("%w: Content-Encoding must be absent", notifier.ErrMediaType)
		}
	}
	if types := h["Content-Type"]; len(types) == 1 {
		name, _, _ := strings.Cut(types[0], ";")
		name = strings.TrimSpace(name)
		for _, t := range taken {
			if strings.EqualFold(name, t) {
				return t, nil
			}
		}
	}
	return "", fmt.Errorf("%w: Content-Type must be %s", notifier.ErrMediaType, strings.Join(taken, " or "))
}

// headerKey is the idempotency key of the Idempotency-Key header, "" for none. The
// draft of the IETF has it as a quoted string; most clients send it bare.
func headerKey(h http.Header) (string, error) {
	const field = "Idempotency-Key"
	keys := h[field]
	if len(keys) == 0 {
		return "", nil
	}
	if len(keys) > 1 {
		return "", notifier.BadField(field, repeated)
	}
	key := keys[0]
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		key = unescapeQuoted.Replace(key[1 : len(key)-1])
	}
	if wrong := checkKey(key); wrong != "" {
		return "", notifier.BadField(field, wrong)
	}
	return key, nil
}

var unescapeQuoted = strings.NewReplacer(`\\`, `\`, `\"`, `"`)

// shownResults is for how many tokens an answer tells the open streams one by one
// if it is not asked for all.
const shownResults = 100

// resultsLimit is for how many tokens the answers to r tell the open streams one
// by one.
func resultsLimit(r *http.Request) (int, error) {
	if r.URL.RawQuery == "" {
		return shownResults, nil
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	asked := q["results"]
	switch {
	case err != nil:
		return 0, notifier.BadField("", "the query string is malformed")
	case len(asked) == 0:
		return shownResults, nil
	case slices.Equal(asked, []string{"all"}):
		return notifier.MaxTokens, nil
	}
	return 0, notifier.BadField("results", "must be all, if it is given")
}
