package express

import (
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A conn is a connection that was taken. Whoever makes it busy reads it, serves what
// it has sent, and is the only one to close it meanwhile: its descriptor is not
// used after it has been closed.
type conn struct {
	e      *Express
	fd     int
	slot   int32 // the watcher's
	remote string

	mu   sync.Mutex
	busy bool
	more bool // there was something to read while it was busy
	last time.Time
	// ended says that the client sends nothing more: reading goes on to the end.
	ended bool
	dead  bool // closed, or given back

	// Of whoever is busy:
	partial []byte // the beginning of a request
	habit   *habit // nil for none
}

// newConn makes a busy one. tcp is closed: its descriptor's copy is not in the
// runtime's own poller, which every request would wake too.
func (e *Express) newConn(tcp *net.TCPConn, remote string) (*conn, error) {
	fd, err := detach(tcp)
	tcp.Close()
	if err != nil {
		return nil, err
	}
	c := &conn{e: e, fd: fd, remote: remote, busy: true, last: time.Now()}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.conns[c] = struct{}{}
	return c, nil
}

// begin serves the request with which the connection was taken, and what the
// client has sent ahead.
func (c *conn) begin(r *http.Request, ahead []byte) {
	if c.e.watch.add(c) != nil {
		c.close()
		return
	}
	if c.answer(c.e.next, r, ahead) && c.feed(ahead) {
		c.drainAlone() // what came before it was watched
	}
}

var buffers = sync.Pool{New: func() any { return new([maxRequest]byte) }}

// withBuffer lends f a buffer.
func withBuffer(f func(buf []byte)) {
	buf := buffers.Get().(*[maxRequest]byte)
	defer buffers.Put(buf)
	f(buf[:])
}

// drainAlone takes turns, with a buffer of its own, until there is nothing more.
func (c *conn) drainAlone() {
	withBuffer(func(buf []byte) {
		for c.turn(buf) {
		}
	})
}

// pump reads and serves what has come, the end too if ended says so.
func (c *conn) pump(buf []byte, ended bool) {
	c.mu.Lock()
	c.ended = c.ended || ended
	if c.busy || c.dead {
		c.more = true
		c.mu.Unlock()
		return
	}
	c.busy = true
	c.mu.Unlock()
	if c.turn(buf) {
		go c.drainAlone() // a client that never stops must not keep all others waiting
	}
}

// turn reads once and serves what it has read. It reports whether there may be more
// to read; if not, it has let go of the connection.
func (c *conn) turn(buf []byte) (more bool) {
	n, err := readFD(c.fd, buf)
	switch {
	case err != nil && err != errNothing:
		c.close()
		return false
	case n > 0 && !c.feed(buf[:n]):
		return false
	}
	return n == len(buf) || !c.rest()
}

// rest lets go of the connection unless there is more to read.
func (c *conn) rest() bool {
	c.mu.Lock()
	more, closing := c.more || c.ended, c.e.closing.Load()
	c.more = false
	c.busy = more || closing
	c.mu.Unlock()
	if closing && !more {
		c.close()
	}
	return !more
}

// feed serves the requests in b. It returns false if the connection is no longer
// here.
func (c *conn) feed(b []byte) bool {
	if len(c.partial) > 0 {
		b = append(c.partial, b...)
		c.partial = nil
	} else {
		c.touch() // the time for the next request begins
	}
	for len(b) > 0 {
		h, size := c.next(b)
		switch size {
		case strange:
			c.giveBack(b, nil, true)
			return false
		case incomplete:
			c.partial = slices.Clone(b)
			return true
		}
		r := h.lend(b[:size])
		b = b[size:]
		ok := c.answer(h.handler, r, b)
		if h.takeBack(); !ok {
			return false
		}
		if len(b) > 0 {
			c.touch() // that of the one after it
		}
	}
	return true
}

// maxHabit is the largest head that is remembered: what is remembered of it takes
// several times as much, for as long as the connection is open.
const maxHabit = 1 << 10

// next finds the request that b begins with, and what it is like. Without one, size
// is what inspect says.
func (c *conn) next(b []byte) (h *habit, size int) {
	if size, ok := c.habit.fits(b); ok {
		return c.habit, size
	}
	if size = inspect(b); size <= 0 {
		return nil, size
	}
	h, err := newHabit(b[:size], c.remote)
	if err != nil {
		return nil, strange
	}
	h.handler = c.e.route(h.request)
	if c.habit = nil; len(h.head) <= maxHabit {
		c.habit = h
	}
	return h, size
}

// answer has a request served by h and sends the answer. after is what the client has
// sent after it. It returns false if the connection is no longer here, or no longer
// the caller's.
func (c *conn) answer(h http.Handler, r *http.Request, after []byte) (ok bool) {
	w := newResponse()
	defer w.release()
	defer func() {
		if recover() != nil { // http.ErrAbortHandler: who panicked otherwise has logged it
			c.close()
			ok = false
		}
	}()
	h.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK)
	stay := !c.e.closing.Load() && !w.last
	b := w.bytes(!stay)
	n, err := writeFD(c.fd, b)
	switch {
	case err == nil && n < len(b):
		c.giveBack(after, slices.Clone(b[n:]), stay)
		return false
	case err != nil || !stay:
		c.close()
		return false
	}
	return true
}

func (c *conn) touch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = time.Now()
}

// close closes a busy connection.
func (c *conn) close() {
	c.leave()
	closeFD(c.fd)
}

// leave ends a busy connection's time here.
func (c *conn) leave() {
	c.mu.Lock()
	c.dead = true
	c.mu.Unlock()
	c.e.watch.remove(c)
	c.e.forget(c)
}

// closeIf closes a connection that is not busy, if it is so.
func (c *conn) closeIf(so func() bool) {
	c.mu.Lock()
	if c.busy || c.dead || !so() {
		c.mu.Unlock()
		return
	}
	c.busy = true
	c.mu.Unlock()
	c.close()
}

func (c *conn) closeIfIdle() { c.closeIf(func() bool { return true }) }

func (c *conn) closeIfOld(now time.Time) {
	c.closeIf(func() bool {
		limit := c.e.cfg.IdleTimeout
		if len(c.partial) > 0 {
			limit = c.e.cfg.RequestTimeout
		}
		return now.Sub(c.last) > limit
	})
}

// abort has whoever is busy with the connection find it closed.
func (c *conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dead {
		shutdownFD(c.fd)
	}
}

// giveBack returns the connection to net/http, with what has been read of it. What
// the client has not taken of its last answer is written first.
func (c *conn) giveBack(read, unwritten []byte, stay bool) {
	c.leave()
	back, err := attach(c.fd)
	if err != nil {
		return
	}
	read = slices.Clone(read)
	go func() {
		if len(unwritten) > 0 {
			back.SetWriteDeadline(time.Now().Add(c.e.cfg.RequestTimeout))
			if _, err := back.Write(unwritten); err != nil || !stay {
				back.Close()
				return
			}
			back.SetWriteDeadline(time.Time{})
		}
		c.e.back.give(&readAhead{back, read})
	}()
}
