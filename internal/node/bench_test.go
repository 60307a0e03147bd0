package node_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// BenchmarkPublish is a publication on a kept connection, with its journal and the
// stream that it is for: from the bytes of the request to those of the answer. The
// client allocates nothing.
func BenchmarkPublish(b *testing.B) {
	n := nodetest.Start(b, func(c *config.Config) { c.AccessLog = "off" })
	stream := n.Open(b, "token=user-4711")
	go io.Copy(io.Discard, stream.Body)
	p := newPublisher(b, n.Addr(), fmt.Sprintf(`{"tokens":["user-4711"],"data":%q}`, bytes.Repeat([]byte("x"), 100)))
	p.publish()
	p.publish() // the connection is taken at the second
	b.ReportAllocs()
	for b.Loop() {
		p.publish()
	}
}

// A publisher sends one publication over and over.
type publisher struct {
	t       testing.TB
	conn    net.Conn
	request []byte
	answer  []byte
}

func newPublisher(t testing.TB, addr, body string) *publisher {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &publisher{
		t:       t,
		conn:    conn,
		request: fmt.Appendf(nil, "POST /api HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", addr, len(body), body),
		answer:  make([]byte, 1024),
	}
}

func (p *publisher) publish() {
	if _, err := p.conn.Write(p.request); err != nil {
		p.t.Fatal(err)
	}
	n, err := p.conn.Read(p.answer)
	if answer := p.answer[:n]; err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) || !bytes.HasSuffix(answer, []byte("}\n")) {
		p.t.Fatalf("%q, %v", answer, err)
	}
}
