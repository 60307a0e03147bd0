//go:build linux

package main

import "testing"

func TestParse(t *testing.T) {
	const get = "GET /events?token=t1 HTTP/1.1\r\nHost: h\r\n\r\n"
	const body = `{"tokens":["t2"],"entityType":"bench","data":"abc"}`
	const post = "POST /api HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 51\r\n\r\n" + body
	for in, want := range map[string][2]string{get: {"t1", ""}, post: {"t2", `"abc"`}} {
		for i := range len(in) {
			if _, ok := parse([]byte(in[:i])); ok {
				t.Errorf("%q is taken for whole", in[:i])
			}
		}
		req, ok := parse([]byte(in))
		if !ok || string(req.token) != want[0] || string(req.payload) != want[1] {
			t.Errorf("%q: %q %q %v", in, req.token, req.payload, ok)
		}
	}
	if got := string(appendChunk(nil, []byte(`"abc"`))); got != "d\r\ndata: \"abc\"\n\n\r\n" {
		t.Errorf("chunk %q", got)
	}
}
