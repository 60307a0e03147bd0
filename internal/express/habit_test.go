package express

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// FuzzHabit holds that requests on a connection mean what each means to net/http,
// whatever came before and whatever was done to that.
func FuzzHabit(f *testing.F) {
	plain := post("Content-Type: application/json", "Pragma: no-cache", "X-Two: 1", "x-two: 2")
	for _, next := range []string{
		plain,
		strings.Replace(plain, "h: 2\r\n", "h: 10\r\n", 1) + "01234567",
		strings.Replace(plain, "h: 2\r\n", "h: 002\r\n", 1),
		strings.Replace(plain, "h: 2\r\n", "h: 0\r\n", 1),
		strings.Replace(plain, "h: 2\r\n", "h: 2 \r\n", 1),
		strings.Replace(plain, "h: 2\r\n", "h: \r\n", 1),
		strings.Replace(plain, "h: 2\r\n", "h: 2x\r\n", 1),
		strings.Replace(plain, "h: 2\r\n", "h: 3\r\n", 1),
		strings.Replace(plain, "h: 2\r\n", "h: 65536\r\n", 1) + strings.Repeat("x", maxRequest),
		strings.Replace(plain, "h: 2\r\n", "h: 9223372036854775807\r\n", 1),
		strings.Replace(plain, "X-Two: 1", "X-Two: 3", 1),
		strings.Replace(plain, "/api", "/abi", 1),
		plain[:len(plain)-3],
	} {
		f.Add([]byte(plain), []byte(next))
	}
	f.Add([]byte("POST /%61?b=c HTTP/1.1\r\nHost: [::1]:4001\r\ncontent-length:  0 \r\n\r\n"), []byte("POST /%61?b=c HTTP/1.1\r\nHost: [::1]:4001\r\ncontent-length:  1 \r\n\r\na"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		c := &conn{e: &Express{}, remote: "192.0.2.1:80"}
		for _, b := range [][]byte{first, second, first} {
			h, size := c.next(b)
			if want := inspect(b); size != want && (size != strange || read(b[:want]) != nil) {
				t.Fatalf("size %d, want %d", size, want)
			}
			if size <= 0 {
				continue
			}
			r, want := h.lend(b[:size]), read(b[:size])
			body, err := io.ReadAll(r.Body)
			if wantBody, _ := io.ReadAll(want.Body); err != nil || !bytes.Equal(body, wantBody) {
				t.Fatalf("body %q, %v, want %q", body, err, wantBody)
			}
			for _, values := range r.Header {
				_ = append(values, "seen by nobody else")
			}
			r.Body, want.Body, want.RemoteAddr = nil, nil, c.remote
			if !reflect.DeepEqual(r, want) {
				t.Fatalf("got  %+v\nwant %+v", r, want)
			}
			spoil(r)
			h.takeBack()
		}
	})
}

// read is what net/http reads, nil if it refuses.
func read(b []byte) *http.Request {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
	if err != nil {
		return nil
	}
	return r
}

// spoil does to a request what no handler should, but for what is behind a pointer.
func spoil(r *http.Request) {
	r.ParseMultipartForm(1)
	r.SetPathValue("a", "b")
	r.URL, r.Header = &url.URL{Path: "/spoilt"}, http.Header{"Spoilt": nil}
	r.Method, r.Host, r.RequestURI, r.RemoteAddr, r.Close = "SPOILT", "spoilt", "spoilt", "spoilt", true
	r.Trailer = http.Header{"Spoilt": nil}
}

// Only small heads are remembered, and only the last.
func TestHabit(t *testing.T) {
	c := &conn{e: &Express{}}
	known := func(b string) bool {
		_, ok := c.habit.fits([]byte(b))
		return ok
	}
	large := post("X-Note: " + strings.Repeat("x", maxHabit))
	for _, b := range []string{post(), post("X-Note: 1"), large} {
		if known(b) {
			t.Errorf("known before it came: %.100s", b)
		}
		c.next([]byte(b))
		if known(b) != (b != large) {
			t.Errorf("known: %v, %.100s", known(b), b)
		}
	}
	if c.habit != nil {
		t.Error("something is remembered after a large head")
	}
}

// A request that is like the one before costs no memory, but for another length.
func TestHabitAllocates(t *testing.T) {
	if racing {
		t.Skip("with the race detector pools forget")
	}
	plain := post("Content-Type: application/json")
	one := []byte(plain)
	other := []byte(strings.Replace(plain, "h: 2", "h: 12", 1) + "0123456789")
	c := &conn{e: &Express{}}
	serve := func(b []byte) {
		h, _ := c.next(b)
		h.lend(b)
		h.takeBack()
	}
	serve(one)
	if n := testing.AllocsPerRun(100, func() { serve(one) }); n > 0 {
		t.Errorf("%v allocations for the same", n)
	}
	if n := testing.AllocsPerRun(100, func() { serve(other) }); n > 1 {
		t.Errorf("%v allocations for another length", n)
	}
}

func BenchmarkNext(b *testing.B) {
	fields := []string{"User-Agent: Go-http-client/1.1", "Content-Type: application/json", "X-API-Key: 0123456789abcdef", "Accept-Encoding: gzip"}
	for name, notes := range map[string][]string{"the same": {"X-Note: 1", "X-Note: 1"}, "another": {"X-Note: 1", "X-Note: 2"}} {
		b.Run(name, func(b *testing.B) {
			c := &conn{e: &Express{}}
			var requests [2][]byte
			for i, note := range notes {
				requests[i] = []byte(post(append(fields, note)...))
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				request := requests[i%2]
				h, _ := c.next(request)
				h.lend(request)
				h.takeBack()
			}
		})
	}
}
