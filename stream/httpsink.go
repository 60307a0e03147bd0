package stream

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"time"
)

// sinkBuffer is how many bytes wait in a [httpSink] at most.
const sinkBuffer = 32 << 10

// httpSink writes through an http.ResponseWriter from the handler's own
// goroutine, over HTTP/1 and HTTP/2 alike. What the worker hands over waits in a
// small buffer.
type httpSink struct {
	w        http.ResponseWriter
	remote   string
	rc       *http.ResponseController
	timeout  time.Duration
	writable func()        // asks the worker to go on
	wake     chan struct{} // one slot

	mu    sync.Mutex
	buf   []byte
	short bool // the worker waits for room
	fin   bool // end after buf
	dead  bool // take nothing more
}

func newHTTPSink(w http.ResponseWriter, remote string, timeout time.Duration) *httpSink {
	return &httpSink{w: w, remote: remote, rc: http.NewResponseController(w), timeout: timeout, wake: make(chan struct{}, 1)}
}

func (k *httpSink) write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return 0, errClosed
	}
	n := min(len(b), sinkBuffer-len(k.buf))
	k.buf = append(k.buf, b[:n]...)
	k.short = n < len(b)
	k.ring()
	return n, nil
}

func (k *httpSink) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fin = true
	k.ring()
}

func (k *httpSink) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return // the connection may be serving another request by now
	}
	k.dead = true
	k.ring()
	k.rc.SetWriteDeadline(time.Unix(1, 0)) // frees the handler if it is writing
}

// refuse takes nothing more; w is not touched any more.
func (k *httpSink) refuse() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dead = true
}

func (k *httpSink) address() string { return k.remote }

func (k *httpSink) ring() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// run sends what the worker hands over until the stream ends or ctx does, and
// refuses everything from then on.
func (k *httpSink) run(ctx context.Context) Reason {
	defer k.refuse()
	var spare []byte
	for {
		b, fin, ok := k.take(spare)
		if spare = nil; cap(b) <= 4<<10 {
			spare = b[:0]
		}
		switch {
		case !ok, fin && len(b) == 0:
			return Gone
		case len(b) == 0:
			select {
			case <-k.wake:
			case <-ctx.Done():
				return Gone
			}
			continue
		}
		if err := k.send(b); errors.Is(err, os.ErrDeadlineExceeded) {
			return Slow
		} else if err != nil {
			return Gone
		}
	}
}

// take empties the buffer and leaves spare, which must be nobody else's, in its
// place.
func (k *httpSink) take(spare []byte) (b []byte, fin, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	b, k.buf = k.buf, spare
	if k.short {
		k.short = false
		k.writable()
	}
	return b, k.fin, !k.dead
}

// send writes and flushes under a deadline, and takes the deadline away again: an
// armed one would end an HTTP/2 stream that is merely quiet.
func (k *httpSink) send(b []byte) error {
	if k.arm(time.Now().Add(k.timeout)) != nil {
		return errClosed
	}
	if _, err := k.w.Write(b); err != nil {
		return err
	}
	if err := k.rc.Flush(); err != nil {
		return err
	}
	k.arm(time.Time{})
	return nil
}

// arm sets the write deadline unless the stream has been cut.
func (k *httpSink) arm(t time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return errClosed
	}
	return k.rc.SetWriteDeadline(t)
}
