//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// recorder is what a decoder found.
type recorder struct {
	s      scanner
	status int
	got    []marker
	text   strings.Builder
	frames []string
	cur    string
}

func (t *recorder) header(st int) error { t.status = st; return nil }
func (t *recorder) body(p []byte) {
	t.text.Write(p)
	t.s.feed(p, func(m marker) { t.got = append(t.got, m) })
}
func (t *recorder) frame(op byte, first bool, p []byte, last bool) {
	if first {
		t.cur = ""
	}
	t.cur += string(p)
	if last {
		t.frames = append(t.frames, t.cur)
	}
}

func TestChunkedSplitInsideMarker(t *testing.T) {
	var body []byte
	for i := 0; i < 20; i++ {
		body = append(body, fmt.Sprintf("id: %d\ndata: ", i)...)
		body = appendPayload(body, marker{2, uint32(i), int64(i)}, 60)
		body = append(body, "\n\n"...)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for round := 0; round < 300; round++ {
		wire := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
		for b := body; len(b) > 0; {
			n := 1 + rng.IntN(40)
			if n > len(b) {
				n = len(b)
			}
			wire = append(wire, fmt.Sprintf("%X;ext=1\r\n%s\r\n", n, b[:n])...)
			b = b[n:]
		}
		wire = append(wire, "0\r\n\r\n"...)
		var d decoder
		ts := &recorder{}
		for len(wire) > 0 {
			n := 1 + rng.IntN(50)
			if n > len(wire) {
				n = len(wire)
			}
			if err := d.feed(wire[:n], ts); err != nil {
				t.Fatal(err)
			}
			wire = wire[n:]
		}
		if ts.status != 200 || len(ts.got) != 20 || ts.text.String() != string(body) || d.phase != inTrailer {
			t.Fatalf("round %d: status %d, %d markers, phase %d", round, ts.status, len(ts.got), d.phase)
		}
	}
}

func TestIdentityBodyAndWebsocket(t *testing.T) {
	ts := &recorder{}
	var d decoder
	d.feed([]byte("HTTP/1.1 200 OK\r\n\r"), ts)
	d.feed([]byte("\nabc"), ts)
	if ts.text.String() != "abc" {
		t.Fatal(ts.text.String())
	}
	long := strings.Repeat("y", 300)
	wire := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi\x81\x7e\x01\x2c" + long + "\x89\x00"
	for step := 1; step < 60; step++ {
		ts, d = &recorder{}, decoder{}
		for i := 0; i < len(wire); i += step {
			d.feed([]byte(wire[i:min(i+step, len(wire))]), ts)
		}
		if len(ts.frames) != 3 || ts.frames[0] != "hi" || ts.frames[1] != long || ts.frames[2] != "" {
			t.Fatalf("step %d: %q", step, ts.frames)
		}
	}
}
