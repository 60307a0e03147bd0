// Package ssetest reads event streams in tests as the WHATWG HTML standard says
// (section 9.2.6, interpreting an event stream), no more and no less. It is
// written from the standard's text alone, so that it can disagree with the
// encoder it checks.
package ssetest

import (
	"bufio"
	"io"
	"strings"
)

// An Event is what a browser dispatches.
type Event struct {
	Type string // "message" if the stream names none
	Data string
	ID   string // lastEventId: the last id seen, of this event or one before
}

// A Reader interprets a stream. It is used by one goroutine.
type Reader struct {
	// Comment and Retry, if set, are called as lines are read: with a comment's
	// text and a retry's digits.
	Comment, Retry func(string)

	in     *bufio.Reader
	begun  bool
	skipLF bool // the last line ended with CR

	typ, id string // id is the last event ID buffer
	data    strings.Builder
}

// NewReader returns a Reader of the stream in.
func NewReader(in io.Reader) *Reader { return &Reader{in: bufio.NewReader(in)} }

// Next returns the next dispatched event, or the error that ended the stream. A
// block that the end cuts short is discarded, as in browsers.
func (r *Reader) Next() (Event, error) {
	for {
		line, err := r.line()
		if err != nil {
			return Event{}, err
		}
		if line != "" {
			r.field(line)
			continue
		}
		if ev, ok := r.dispatch(); ok {
			return ev, nil
		}
	}
}

// LastEventID is what the client would send if it reconnected now.
func (r *Reader) LastEventID() string { return r.id }

// line reads up to CR, LF or CRLF. It does not wait for the byte after a CR.
func (r *Reader) line() (string, error) {
	var b strings.Builder
	for {
		c, err := r.in.ReadByte()
		if err != nil {
			return "", err
		}
		skip := r.skipLF && c == '\n'
		r.skipLF = false
		switch {
		case skip:
		case c == '\n':
			return r.first(b.String()), nil
		case c == '\r':
			r.skipLF = true
			return r.first(b.String()), nil
		default:
			b.WriteByte(c)
		}
	}
}

// first strips one byte order mark from the first line of the stream.
func (r *Reader) first(line string) string {
	if r.begun {
		return line
	}
	r.begun = true
	return strings.TrimPrefix(line, "\ufeff")
}

func (r *Reader) field(line string) {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch {
	case strings.HasPrefix(line, ":"):
		if r.Comment != nil {
			r.Comment(line[1:])
		}
	case name == "event":
		r.typ = value
	case name == "data":
		r.data.WriteString(value + "\n")
	case name == "id" && !strings.Contains(value, "\x00"):
		r.id = value
	case name == "retry" && value != "" && strings.Trim(value, "0123456789") == "":
		if r.Retry != nil {
			r.Retry(value)
		}
	}
}

// dispatch ends a block. One without data is no event.
func (r *Reader) dispatch() (Event, bool) {
	ev := Event{Type: r.typ, Data: strings.TrimSuffix(r.data.String(), "\n"), ID: r.id}
	empty := r.data.Len() == 0
	r.typ = ""
	r.data.Reset()
	if ev.Type == "" {
		ev.Type = "message"
	}
	return ev, !empty
}
