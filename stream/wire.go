package stream

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// TLSListener is for http.Server.ServeTLS: TLS over its connections can be taken
// over by the hub, as connections without TLS always can. Streams over HTTP/1.1
// then cost no goroutine each.
//
// tls.Config.DynamicRecordSizingDisabled should be set: an event is small enough
// by itself, and a long write would otherwise be cut into many.
func TLSListener(l net.Listener) net.Listener {
	if canWriteRaw {
		return wireListener{l}
	}
	return l
}

type wireListener struct{ net.Listener }

func (l wireListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &wire{TCPConn: tcp}, nil
	}
	return c, err
}

// A wire is the connection below TLS. Until it is engaged it is like any other;
// from then on nothing that TLS does to it blocks: what the kernel has no room for
// is kept, and reading nothing is an error that TLS forgives. So the worker can
// encrypt and the poller can decrypt without a goroutine for each stream.
type wire struct {
	*net.TCPConn
	raw       syscall.RawConn
	engaged   atomic.Bool
	readWaits bool // the poller reads with a goroutine each

	mu   sync.Mutex
	left []byte // encrypted, not yet written
}

// maxLeft bounds what is kept for the kernel: a record that begins before there is
// no more room, and what TLS itself has to say.
const maxLeft = 64 << 10

var errBehind = errors.New("the client reads nothing, but has TLS answer")

func (w *wire) engage(raw syscall.RawConn, readWaits bool) {
	w.raw, w.readWaits = raw, readWaits
	w.engaged.Store(true)
}

// Write is called by TLS.
func (w *wire) Write(b []byte) (int, error) {
	if !w.engaged.Load() {
		return w.TCPConn.Write(b)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	if len(w.left) == 0 {
		var err error
		if n, err = w.tryWrite(b); err != nil {
			return n, err
		}
	}
	if w.left = append(w.left, b[n:]...); len(w.left) > maxLeft {
		return n, errBehind
	}
	return len(b), nil
}

// flush writes what is left. moved says that some of it went, done that all did.
func (w *wire) flush() (moved, done bool, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.left) == 0 {
		return false, true, nil
	}
	n, err := w.tryWrite(w.left)
	if w.left = w.left[n:]; len(w.left) == 0 {
		w.left = nil
	}
	return n > 0, w.left == nil, err
}

var rawWriters = sync.Pool{New: func() any { return newRawWriter() }}

func (w *wire) tryWrite(b []byte) (int, error) {
	writer := rawWriters.Get().(*rawWriter)
	defer rawWriters.Put(writer)
	return writer.write(w.raw, b)
}

// Read is called by TLS.
func (w *wire) Read(b []byte) (n int, err error) {
	if !w.engaged.Load() || w.readWaits {
		return w.TCPConn.Read(b)
	}
	closed := w.raw.Read(func(fd uintptr) bool {
		n, err = readFD(fd, b)
		return true
	})
	if closed != nil {
		return 0, closed
	}
	return n, err
}

// errNothing is read where a blocking connection would wait. TLS goes on after an
// error that is temporary.
var errNothing net.Error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing to read yet" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }
func (nothing) Unwrap() error   { return os.ErrDeadlineExceeded }

// A secure is what a socket with TLS has besides; it is the worker's.
type secure struct {
	*tls.Conn
	wire *wire
	// waits says that writable will be called. Until then nothing is written: a
	// poller may hold the connection for as long as there is no room.
	waits bool
}

// maxRecord is the most that goes into one record (RFC 8446, section 5.1).
const maxRecord = 16 << 10

// write encrypts as much as there is room for, and a part of a record more.
func (t *secure) write(k *socket, b []byte) (n int, err error) {
	if t.waits {
		return 0, nil
	}
	_, done, err := t.wire.flush()
	for done && n < len(b) && err == nil {
		var m int
		m, err = t.Conn.Write(b[n:min(n+maxRecord, len(b))])
		n += m
		if err == nil {
			_, done, err = t.wire.flush()
		}
	}
	if err == nil && !done {
		t.waits = true
		k.poll.await(k)
	}
	return n, err
}

// writable is called by the worker when there is room. It reports whether all that
// was left is written.
func (t *secure) writable(k *socket) bool {
	t.waits = false
	moved, done, err := t.wire.flush()
	s := k.st.topic.shard
	if moved {
		k.st.last = s.now
	}
	switch {
	case err != nil:
		s.close(k.st, Gone)
	case !done && k.st.state != closed:
		t.waits = true
		k.poll.await(k)
	}
	return done && err == nil
}
