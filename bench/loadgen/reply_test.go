//go:build linux

package main

import "testing"

func TestParseReply(t *testing.T) {
	for _, c := range []struct {
		in     string
		status int
		closes bool
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, false},
		{"HTTP/1.1 204 No Content\r\n\r\n", 204, false},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, true},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 201, false},
	} {
		for i := 0; i < len(c.in); i++ {
			if r, err := parseReply([]byte(c.in[:i]), false); r.length != 0 || err != nil {
				t.Fatalf("%q cut at %d: %+v, %v", c.in, i, r, err)
			}
		}
		r, err := parseReply([]byte(c.in), false)
		if want := (reply{c.status, len(c.in), c.closes}); r != want || err != nil {
			t.Fatalf("%q: %+v, %v", c.in, r, err)
		}
	}
}
