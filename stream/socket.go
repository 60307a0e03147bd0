package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"
)

// A socket is the sink of a stream over HTTP/1: the connection is taken from
// net/http, whose buffers and goroutine go away, and written without blocking by
// the worker. Every system call goes through the RawConn, which knows whether the
// connection is closed: a descriptor that was given to somebody else cannot be hit.
type socket struct {
	conn *net.TCPConn
	raw  syscall.RawConn
	tls  *secure // nil without
	st   *stream

	poll  poller
	slot  int32 // the poller's
	heard int   // bytes the client has sent on the stream; the poller's
}

// A poller watches sockets and has the workers told.
type poller interface {
	// watch begins to watch a socket: it reads and discards what the client
	// sends, and has the stream closed if that is much, or if the client is gone.
	watch(k *socket) error
	// await has writable called once the socket has room.
	await(k *socket)
	// forget ends watching. The socket is still open.
	forget(k *socket)
	stop()
}

const (
	// sendBuffer is what the kernel may hold for one stream. Unset it would grow to
	// megabytes for a client that does not read.
	sendBuffer = 64 << 10
	// maxHeard is how many bytes a client may send on a stream, which has nothing
	// to say there.
	maxHeard = 64 << 10
	// peerTimeout is after how long without an acknowledgement the kernel gives a
	// peer up.
	peerTimeout = 30 * time.Second
)

type connKey struct{}

// WithConn is for http.Server.ConnContext: it lets the hub find the connections
// that it can write to by itself. Streams of a server without it are sent by their
// handlers, at ten times the memory; so are those over TLS unless its listener is a
// [TLSListener].
func WithConn(ctx context.Context, c net.Conn) context.Context {
	if _, _, ok := below(c); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

// below finds the TCP connection of a request, and the TLS on it if there is any.
func below(c net.Conn) (tcp *net.TCPConn, over *secure, ok bool) {
	switch c := c.(type) {
	case *net.TCPConn:
		return c, nil, canWriteRaw
	case *tls.Conn:
		if w, ok := c.NetConn().(*wire); ok {
			return w.TCPConn, &secure{Conn: c, wire: w}, true
		}
	}
	return nil, nil, false
}

// takeOver makes the request's connection the sink of an admitted stream, if it
// can be had, and has the worker send the head of the answer and the first bytes.
func (h *Hub) takeOver(w http.ResponseWriter, r *http.Request, st *stream, intro frame) (ok bool) {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	tcp, over, ok := below(conn)
	if !ok || r.ProtoMajor != 1 {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	_, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	k := &socket{conn: tcp, raw: raw, tls: over, st: st, poll: h.poller(), heard: buf.Reader.Buffered()}
	st.sink = k
	st.chunked = r.ProtoAtLeast(1, 1)
	tcp.SetWriteBuffer(sendBuffer)
	setPeerTimeout(raw)
	if over != nil {
		_, waits := k.poll.(goroutines)
		over.wire.engage(raw, waits)
	}
	s, first := st.topic.shard, append(answerHead(w.Header(), st.chunked), st.wire(intro)...)
	s.do(func() {
		err := k.poll.watch(k) // before: opening may find that the client is slow
		s.opened(st, first)
		if err != nil {
			s.close(st, Gone)
		}
	})
	return true
}

// answerHead is the status line and the header of a stream. The connection is the
// stream's: it ends with it.
func answerHead(header http.Header, chunked bool) []byte {
	b := headBuffer{make([]byte, 0, 512)}
	if chunked {
		b.WriteString("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n")
	} else {
		b.WriteString("HTTP/1.0 200 OK\r\n")
	}
	b.WriteString("Connection: close\r\nDate: ")
	b.b = time.Now().UTC().AppendFormat(b.b, http.TimeFormat)
	b.WriteString("\r\n")
	header.Write(&b) // never fails
	b.WriteString("\r\n")
	return b.b
}

type headBuffer struct{ b []byte }

func (h *headBuffer) Write(b []byte) (int, error) {
	h.b = append(h.b, b...)
	return len(b), nil
}

func (h *headBuffer) WriteString(s string) (int, error) {
	h.b = append(h.b, s...)
	return len(s), nil
}

func (k *socket) write(b []byte) (int, error) {
	if k.tls != nil {
		return k.tls.write(k, b)
	}
	n, err := k.st.topic.shard.writer.write(k.raw, b)
	if err == nil && n < len(b) {
		k.poll.await(k)
	}
	return n, err
}

func (k *socket) end() {
	if k.st.chunked {
		k.write(lastChunk)
	}
	if k.tls != nil {
		k.tls.CloseWrite()
	}
	k.poll.forget(k)
	k.conn.Close()
}

// cut does not leave it to the kernel to go on sending to a client that does not
// read.
func (k *socket) cut() {
	k.poll.forget(k)
	k.conn.SetLinger(0)
	k.conn.Close()
}

func (k *socket) address() string { return k.conn.RemoteAddr().String() }

// gone and writable are called by the poller.

func (k *socket) gone() {
	s := k.st.topic.shard
	s.do(func() { s.close(k.st, Gone) })
}

func (k *socket) writable() {
	s := k.st.topic.shard
	s.do(func() {
		if k.tls == nil || k.tls.writable(k) {
			s.writable(k.st)
		}
	})
}

// read reads what the client has sent; it waits for it if the poller does.
func (k *socket) read(b []byte) (int, error) {
	if k.tls != nil {
		return k.tls.Read(b)
	}
	return k.conn.Read(b)
}

// hear counts bytes of the client.
func (k *socket) hear(n int) error {
	if k.heard += n; k.heard > maxHeard {
		return errTalks
	}
	return nil
}

var errTalks = errors.New("the client sends too much on a stream")

// A rawWriter makes one write system call at a time, for one goroutine. It exists
// so that writing allocates nothing.
type rawWriter struct {
	b   []byte
	n   int
	err error
	try func(fd uintptr)
}

func newRawWriter() *rawWriter {
	w := &rawWriter{}
	w.try = func(fd uintptr) { w.n, w.err = writeFD(fd, w.b) }
	return w
}

// write writes as much as the kernel takes at once. Control holds the descriptor as
// Write does, without asking the runtime's poller, which is not needed here.
func (w *rawWriter) write(raw syscall.RawConn, b []byte) (int, error) {
	w.b, w.n, w.err = b, 0, nil
	err := raw.Control(w.try)
	w.b = nil
	if err != nil {
		return 0, err
	}
	return w.n, w.err
}
