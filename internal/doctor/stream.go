package doctor

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// An item is what came over a stream: an event, a line that is none, or, of a
// compressed stream, some bytes.
type item struct {
	at             time.Time
	name, data, id string // of an event, as far as it has them
}

// A stream is an open GET /events.
type stream struct {
	resp   *http.Response
	began  time.Time
	header time.Duration // until the header came
	items  <-chan item   // closed at the end of the stream
	cancel context.CancelFunc
}

// errSilent is that not even a header came.
var errSilent = errors.New("no header in time")

// open opens a stream with control events. encoding is what it accepts. The
// caller closes it.
func (e *exam) open(ctx context.Context, encoding string, query url.Values, header http.Header) (*stream, error) {
	q := url.Values{"control": {"1"}}
	for name, values := range query {
		q[name] = values
	}
	ctx, cancel := context.WithCancel(ctx)
	h := e.subscriber()
	h.Set("Accept-Encoding", encoding)
	for name, values := range header {
		h[name] = values
	}
	req, err := e.request(ctx, http.MethodGet, "events", q, h, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	late := time.AfterFunc(e.Wait, cancel)
	began := time.Now()
	resp, err := e.client.Do(req)
	if inTime := late.Stop(); err != nil {
		defer cancel()
		if !inTime && errors.Is(err, context.Canceled) {
			return nil, errSilent
		}
		return nil, plain(err)
	}
	items := make(chan item)
	s := &stream{resp: resp, began: began, header: time.Since(began), items: items, cancel: cancel}
	read := readLines
	if resp.Header.Get("Content-Encoding") != "" {
		read = readBytes
	}
	go func() {
		defer close(items)
		read(resp.Body, func(i item) {
			i.at = time.Now()
			select {
			case items <- i:
			case <-ctx.Done():
			}
		})
	}()
	return s, nil
}

// close ends the stream and waits for its reader.
func (s *stream) close() {
	s.cancel()
	for range s.items { // until closed
	}
	s.resp.Body.Close()
}

// next is the next item that is wanted, if one comes in time.
func (s *stream) next(wait time.Duration, wanted func(item) bool) (item, bool) {
	over := time.After(wait)
	for {
		select {
		case i, open := <-s.items:
			if !open || wanted(i) {
				return i, open
			}
		case <-over:
			return item{}, false
		}
	}
}

// ends reports whether the stream ends in time.
func (s *stream) ends(wait time.Duration) bool {
	over := time.After(wait)
	for {
		select {
		case _, open := <-s.items:
			if !open {
				return true
			}
		case <-over:
			return false
		}
	}
}

func anything(item) bool { return true }

// named is the wish for an event of that name.
func named(name string) func(item) bool {
	return func(i item) bool { return i.name == name }
}

// readLines reads what is not compressed.
func readLines(body io.Reader, got func(item)) {
	in := bufio.NewReader(body)
	var ev item
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		field, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			ev.name = value
		case "data":
			ev.data = value
		case "id":
			ev.id = value
		default: // the end of an event, a comment, retry
			got(ev)
			ev = item{}
		}
	}
}

func readBytes(body io.Reader, got func(item)) {
	b := make([]byte, 4096)
	for {
		n, err := body.Read(b)
		if n > 0 {
			got(item{})
		}
		if err != nil {
			return
		}
	}
}
