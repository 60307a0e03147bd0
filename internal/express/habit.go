package express

import (
	"bufio"
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

// A habit is the head that a connection's client sent last, and what net/http has
// read from it. Clients send the same head again and again: what was plain stays so,
// and the same bytes mean the same. Only the number of the Content-Length may differ.
type habit struct {
	head     []byte
	from, to int           // where in it that number is
	request  *http.Request // without a body; never changed
}

// newHabit has net/http read a request that inspect has found good.
func newHabit(b []byte) (*habit, error) {
	in := readers.Get().(*bufio.Reader)
	defer readers.Put(in)
	in.Reset(bytes.NewReader(b))
	defer in.Reset(nil)
	r, err := http.ReadRequest(in)
	if err != nil {
		return nil, err
	}
	r.Body = nil
	head := bytes.Clone(b[:len(b)-int(r.ContentLength)])
	from, to := lengthIn(head)
	return &habit{head, from, to, r}, nil
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

// A request is lent to a handler, which has it until it returns. All of it is made
// anew for each: none sees what another has done to it.
type request struct {
	http.Request
	url    url.URL
	header http.Header
	values []string // of the header
	body   body
}

type body struct{ bytes.Reader }

func (*body) Close() error { return nil }

var requests = sync.Pool{New: func() any { return &request{header: http.Header{}} }}

// lend returns the request b, which fits.
func (h *habit) lend(b []byte, remote string) *request {
	number := h.number(b)
	content := b[h.headSize(number):]
	r := requests.Get().(*request)
	r.Request, r.url = *h.request, *h.request.URL
	r.URL, r.Header, r.Body = &r.url, r.header, &r.body
	r.RemoteAddr = remote
	r.ContentLength = int64(len(content))
	r.body.Reset(content)
	for name, values := range h.request.Header {
		begin := len(r.values)
		r.values = append(r.values, values...)
		r.header[name] = r.values[begin:len(r.values):len(r.values)]
	}
	if length := r.header["Content-Length"]; length[0] != string(number) {
		length[0] = string(number)
	}
	return r
}

// maxFields is with how many fields a request's memory is used again.
const maxFields = 64

// release takes a request back, and keeps nothing that was in it.
func (r *request) release() {
	if len(r.values) > maxFields {
		return
	}
	clear(r.header)
	clear(r.values)
	*r = request{header: r.header, values: r.values[:0]}
	requests.Put(r)
}
