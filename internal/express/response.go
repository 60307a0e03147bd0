package express

import (
	"bytes"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A response collects an answer, which is sent as a whole.
type response struct {
	header http.Header
	status int  // 0 until the header is written
	typed  bool // has a Content-Type
	last   bool // the handler wants the connection closed
	head   bytes.Buffer
	body   bytes.Buffer
}

var responses = sync.Pool{New: func() any { return &response{header: http.Header{}} }}

func newResponse() *response { return responses.Get().(*response) }

// maxKept bounds the buffers that wait to be used again.
const maxKept = 64 << 10

func (w *response) release() {
	if w.head.Cap()+w.body.Cap() > maxKept {
		return
	}
	clear(w.header)
	w.status, w.typed, w.last = 0, false, false
	w.head.Reset()
	w.body.Reset()
	responses.Put(w)
}

func (w *response) Header() http.Header { return w.header }

// WriteHeader writes the head but for what depends on the body.
func (w *response) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return
	}
	w.status = status
	w.typed, w.last = w.header["Content-Type"] != nil, w.header["Connection"] != nil
	b := append(w.head.AvailableBuffer(), "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(append(b, ' '), http.StatusText(status)...)
	b = append(b, "\r\nDate: "...)
	b = append(b, date()...)
	w.head.Write(append(b, "\r\n"...))
	w.writeHeader()
}

// writeHeader is [http.Header.WriteSubset], which is ten times slower for the one
// field that most answers have.
func (w *response) writeHeader() {
	kind := w.header["Content-Type"]
	if len(w.header) > 1 || len(kind) != 1 || strings.ContainsAny(kind[0], "\r\n") {
		w.header.WriteSubset(&w.head, ours) // never fails
		return
	}
	b := append(w.head.AvailableBuffer(), "Content-Type: "...)
	w.head.Write(append(append(b, textproto.TrimString(kind[0])...), "\r\n"...))
}

// A second has its date as answers tell it.
type second struct {
	unix int64
	date string
}

var lastSecond atomic.Pointer[second]

// date is now, as answers tell it. Making it costs more than anything else in an
// answer, so each is made once.
func date() string {
	now := time.Now()
	s := lastSecond.Load()
	if s == nil || s.unix != now.Unix() {
		s = &second{now.Unix(), now.UTC().Format(http.TimeFormat)}
		lastSecond.Store(s)
	}
	return s.date
}

// ours are the fields that the handler has no say in, and Date.
var ours = map[string]bool{"Date": true, "Content-Length": true, "Connection": true, "Transfer-Encoding": true}

func (w *response) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// SetReadDeadline has nothing to do: the request is all there.
func (w *response) SetReadDeadline(time.Time) error { return nil }

// bytes is the answer as it is sent; last says that the connection ends with it.
func (w *response) bytes(last bool) []byte {
	w.WriteHeader(http.StatusOK)
	b := w.head.AvailableBuffer()
	switch {
	case w.status == http.StatusNoContent, w.status == http.StatusNotModified:
		w.body.Reset()
	default:
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, int64(w.body.Len()), 10), "\r\n"...)
		if !w.typed && w.body.Len() > 0 {
			b = append(append(append(b, "Content-Type: "...), http.DetectContentType(w.body.Bytes())...), "\r\n"...)
		}
	}
	if last {
		b = append(b, "Connection: close\r\n"...)
	}
	w.head.Write(append(b, "\r\n"...))
	w.head.Write(w.body.Bytes())
	return w.head.Bytes()
}
