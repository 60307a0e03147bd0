package express

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// post is a request with a body of two bytes; fields are lines besides Host and
// Content-Length.
func post(fields ...string) string {
	fields = append([]string{"POST /api HTTP/1.1", "Host: x", "Content-Length: 2"}, fields...)
	return strings.Join(fields, "\r\n") + "\r\n\r\n{}"
}

func TestInspect(t *testing.T) {
	plain := post()
	for name, tt := range map[string]struct {
		in   string
		want int
	}{
		"plain":                   {plain, len(plain)},
		"and the next":            {plain + "POST /", len(plain)},
		"more fields":             {post("Content-Type: application/json", "Connection: keep-alive", "X_a-1: b c;d=\"e\""), len(post("Content-Type: application/json", "Connection: keep-alive", "X_a-1: b c;d=\"e\""))},
		"names in other cases":    {"POST /a?b=c HTTP/1.1\r\nhOST: [::1]:4001\r\ncontent-LENGTH:0\r\n\r\n", 60},
		"nothing":                 {"", incomplete},
		"a beginning":             {"PO", incomplete},
		"without its end":         {plain[:len(plain)-5], incomplete},
		"without all of its body": {plain[:len(plain)-1], incomplete},

		"another method":             {strings.Replace(plain, "POST", "PUT", 1), strange},
		"a method that begins alike": {strings.Replace(plain, "POST", "POSTS", 1), strange},
		"HTTP/1.0":                   {strings.Replace(plain, "1.1", "1.0", 1), strange},
		"an absolute URL":            {strings.Replace(plain, "/api", "http://x/api", 1), strange},
		"a space in the path":        {strings.Replace(plain, "/api", "/a b", 1), strange},
		"a tab in the path":          {strings.Replace(plain, "/api", "/a\tb", 1), strange},
		"a fragment":                 {strings.Replace(plain, "/api", "/api#x", 1), strange},
		"a bare LF":                  {strings.Replace(plain, "x\r\n", "x\n", 1), strange},
		"a bare CR":                  {post("A: b\rc"), strange},
		"a NUL":                      {post("A: b\x00"), strange},
		"not ASCII":                  {post("A: é"), strange},
		"a folded line":              {post("A: b", " c"), strange},
		"a space before the colon":   {post("A : b"), strange},
		"no colon":                   {post("A"), strange},
		"no name":                    {post(": b"), strange},
		"no Host":                    {strings.Replace(plain, "Host", "Hose", 1), strange},
		"two Hosts":                  {post("Host: y"), strange},
		"an empty Host":              {strings.Replace(plain, "Host: x", "Host:", 1), strange},
		"a Host with a path":         {strings.Replace(plain, "Host: x", "Host: x/y", 1), strange},
		"no length":                  {strings.Replace(plain, "Content-Length", "Content-Width", 1), strange},
		"two lengths":                {post("Content-Length: 2"), strange},
		"a length with a sign":       {strings.Replace(plain, "h: 2", "h: +2", 1), strange},
		"a negative length":          {strings.Replace(plain, "h: 2", "h: -2", 1), strange},
		"a length in hexadecimal":    {strings.Replace(plain, "h: 2", "h: 0x2", 1), strange},
		"a list of lengths":          {strings.Replace(plain, "h: 2", "h: 2, 2", 1), strange},
		"an empty length":            {strings.Replace(plain, "h: 2", "h:", 1), strange},
		"a huge length":              {strings.Replace(plain, "h: 2", "h: 99999999999999999999", 1), strange},
		"a large length":             {strings.Replace(plain, "h: 2", "h: 65536", 1), strange},
		"chunks":                     {post("Transfer-Encoding: chunked"), strange},
		"Expect":                     {post("Expect: 100-continue"), strange},
		"Upgrade":                    {post("Upgrade: h2c"), strange},
		"Connection: close":          {post("Connection: close"), strange},
		"Connection of two":          {post("Connection: keep-alive, X"), strange},
		"a header without end":       {"POST / HTTP/1.1\r\nA: " + strings.Repeat("b", maxHeader), strange},
		"a long header":              {post("A: " + strings.Repeat("b", maxHeader)), strange},
	} {
		if got := inspect([]byte(tt.in)); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

// FuzzInspect holds that what is accepted is one request to net/http too, with the
// same body, and that net/http is not needed for anything about it.
func FuzzInspect(f *testing.F) {
	f.Add([]byte(post("Content-Type: application/json")))
	f.Add([]byte(post() + post()))
	f.Add([]byte("POST /ws/api?results=all HTTP/1.1\r\nHost: [::1]:4001\r\nContent-Length:  0 \r\n\r\n"))
	f.Add([]byte(post("Transfer-Encoding: chunked")))
	f.Fuzz(func(t *testing.T, b []byte) {
		size := inspect(b)
		if size <= 0 {
			return
		}
		in := bufio.NewReader(bytes.NewReader(b[:size]))
		r, err := http.ReadRequest(in)
		if err != nil {
			t.Fatalf("net/http refuses it: %v", err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || in.Buffered() > 0 || !bytes.HasSuffix(b[:size], body) || int64(len(body)) != r.ContentLength {
			t.Fatalf("body %q of %d, %d left, %v", body, r.ContentLength, in.Buffered(), err)
		}
		if r.Method != http.MethodPost || r.Proto != "HTTP/1.1" || r.Close || len(r.TransferEncoding) > 0 || r.Host == "" || r.Header["Expect"] != nil {
			t.Fatalf("not plain: %+v", r)
		}
	})
}
