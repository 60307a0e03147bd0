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
// stream that it is for: from the bytes of the request to those of the answer.
func BenchmarkPublish(b *testing.B) {
	publish := keepPublishing(b)
	b.ReportAllocs()
	for b.Loop() {
		publish()
	}
}

// The collector of garbage is what publications wait for under load: what each of
// them leaves behind is kept small, from one end of the server to the other.
func TestPublishAllocates(t *testing.T) {
	if racing {
		t.Skip("with the race detector pools forget")
	}
	if n := testing.AllocsPerRun(1000, keepPublishing(t)); n > 11 {
		t.Errorf("%v allocations", n)
	}
}

// keepPublishing starts a node with a stream, and returns a publisher's call, which
// allocates nothing itself.
func keepPublishing(t testing.TB) (publish func()) {
	n := nodetest.Start(t, func(c *config.Config) { c.AccessLog = "off" })
	stream := n.Open(t, "token=user-4711")
	go io.Copy(io.Discard, stream.Body)
	p := newPublisher(t, n.Addr(), fmt.Sprintf(`{"tokens":["user-4711"],"data":%q}`, bytes.Repeat([]byte("x"), 100)))
	p.publish()
	p.publish() // the connection is taken at the second
	return p.publish
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
