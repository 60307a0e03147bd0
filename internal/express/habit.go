package express

import (
	"bufio"
	"bytes"
	"net/http"
	"strconv"
	"sync"
)

// A habit is the head that a connection's client sent last, and what net/http has
// read from it. Clients send the same head again and again: what was plain stays so,
// and the same bytes mean the same. Only the number of the Content-Length may differ.
type habit struct {
	head     []byte
	from, to int           // where in it that number is
	request  *http.Request // without a body
	length   []string      // the field of its header
	handler  http.Handler  // of all requests with this head

	// What a handler has until it returns; lent is request in between.
	lent http.Request
	body body
}

type body struct{ bytes.Reader }

func (*body) Close() error { return nil }

// newHabit has net/http read a request of remote that inspect has found good.
func newHabit(b []byte, remote string) (*habit, error) {
	in := readers.Get().(*bufio.Reader)
	defer readers.Put(in)
	in.Reset(bytes.NewReader(b))
	defer in.Reset(nil)
	r, err := http.ReadRequest(in)
	if err != nil {
		return nil, err
	}
	r.Body, r.RemoteAddr = nil, remote
	head := bytes.Clone(b[:len(b)-int(r.ContentLength)])
	from, to := lengthIn(head)
	return &habit{head: head, from: from, to: to, request: r, length: r.Header["Content-Length"], lent: *r}, nil
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// lengthIn is where in a head the number of its Content-Length is. There must be one.
func lengthIn(head []byte) (from, to int) {
	const name = "\r\nContent-Length:"
	for !is(head[from:from+len(name)], name) {
		from++
	}
	for from += len(name); head[from] == ' '; from++ {
	}
	return from, from + digits(head[from:])
}

// digits is with how many of them b begins.
func digits(b []byte) (n int) {
	for n < len(b) && '0' <= b[n] && b[n] <= '9' {
		n++
	}
	return n
}

// fits returns the size of the request that b begins with, if it is all there and
// of this habit. It is what inspect would say. Nothing is of a nil habit.
func (h *habit) fits(b []byte) (size int, ok bool) {
	if h == nil || !bytes.HasPrefix(b, h.head[:h.from]) {
		return 0, false
	}
	number := h.number(b)
	length, err := strconv.Atoi(string(number))
	if err != nil || length > maxRequest || !bytes.HasPrefix(b[h.from+len(number):], h.head[h.to:]) {
		return 0, false
	}
	size = h.headSize(number) + length
	return size, size <= min(len(b), maxRequest)
}

// number is that of the Content-Length of b.
func (h *habit) number(b []byte) []byte { return b[h.from : h.from+digits(b[h.from:])] }

func (h *habit) headSize(number []byte) int { return len(h.head) - (h.to - h.from) + len(number) }

// lend returns the request b, which fits, for a handler to have until takeBack. As
// net/http has it, a handler changes nothing of a request that is behind a pointer:
// the header and the URL are those of all requests of this habit.
func (h *habit) lend(b []byte) *http.Request {
	number := h.number(b)
	content := b[h.headSize(number):]
	h.body.Reset(content)
	h.lent.Body, h.lent.ContentLength = &h.body, int64(len(content))
	if h.length[0] != string(number) {
		h.length[0] = string(number)
	}
	return &h.lent
}

// takeBack keeps nothing of what a handler had.
func (h *habit) takeBack() {
	h.body.Reset(nil)
	h.lent = *h.request
}
