// Package express serves plain POST requests on kept-alive connections at less
// than half of what net/http needs for them.
//
// net/http answers a small request with two goroutines, which wake threads for each
// other; on a server that is not saturated that is most of its cost. A connection
// that has sent a second such request is therefore taken from net/http and watched
// by epoll; a request that is all there is handed to the same handler by the
// goroutine that has read it.
//
// Only the plainest requests are served here: POST over HTTP/1.1 without TLS, whole
// and small, with a Content-Length and nothing that asks for more than an answer.
// Whatever else such a connection sends, it goes back to net/http for good together
// with what has been read: what a request means is decided there alone. Systems
// without epoll leave everything to it.
package express

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Config is how requests are served. Zero fields mean the default.
type Config struct {
	// Inline says that the handler never waits for anything but a lock: it is called
	// by the goroutine that watches the connections. Otherwise each request gets one.
	Inline bool
	// Route, if set, says who serves the requests of a connection that have the same
	// head but for its Content-Length, which r has: what depends on that alone is
	// decided once. It may be called concurrently. Unset, or if it returns nil, the
	// handler of [New] serves them.
	Route func(r *http.Request) http.Handler
	// IdleTimeout is after how long without a request a connection is closed;
	// default 2 min. RequestTimeout is how long a request may take to arrive, and an
	// answer to be taken; default 30 s. Both are looked at every few seconds.
	IdleTimeout, RequestTimeout time.Duration
}

// An Express is a handler in front of another. All methods may be called
// concurrently.
type Express struct {
	next http.Handler
	cfg  Config
	back backListener

	starting sync.Once
	watch    watcher // made by starting; nil if this system has none

	mu      sync.Mutex
	conns   map[*conn]struct{}
	closing atomic.Bool
	gone    chan struct{} // one slot: a connection has gone
}

// A watcher has conn.pump called for connections with something to read.
type watcher interface {
	add(*conn) error
	remove(*conn) // before it is closed
	stop()
}

// New returns an Express in front of next, which must not use a request after it has
// returned, since its memory is that of later ones, and must not change its header or
// its URL, which later ones have too. That is what [http.Handler] asks of it anyway.
func New(next http.Handler, cfg Config) *Express {
	if cfg.IdleTimeout == 0 {
		cfg.IdleTimeout = 2 * time.Minute
	}
	if cfg.RequestTimeout == 0 {
		cfg.RequestTimeout = 30 * time.Second
	}
	return &Express{
		next:  next,
		cfg:   cfg,
		back:  backListener{conns: make(chan net.Conn), closed: make(chan struct{})},
		conns: map[*conn]struct{}{},
		gone:  make(chan struct{}, 1),
	}
}

// route is who serves requests with the head of r.
func (e *Express) route(r *http.Request) http.Handler {
	if e.cfg.Route != nil {
		if h := e.cfg.Route(r); h != nil {
			return h
		}
	}
	return e.next
}

type connKey struct{}

// A candidate is a connection that may be taken.
type candidate struct {
	tcp   *net.TCPConn
	posts int // seen on it; requests of a connection come one after the other
}

// WithConn is for http.Server.ConnContext: without it nothing is taken.
func (e *Express) WithConn(ctx context.Context, c net.Conn) context.Context {
	if tcp, ok := c.(*net.TCPConn); ok && canWatch {
		return context.WithValue(ctx, connKey{}, &candidate{tcp: tcp})
	}
	return ctx
}

// Listener has the connections that go back to net/http: the server must serve it
// beside its own.
func (e *Express) Listener() net.Listener { return &e.back }

// ServeHTTP serves a request of net/http, and takes its connection if there will
// be more like it.
func (e *Express) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c := e.taken(r); c != nil && e.take(c.tcp, w, r) {
		return
	}
	e.next.ServeHTTP(w, r)
}

// taken is the connection of a request that is to be taken: not that of a client
// that sends a single one.
func (e *Express) taken(r *http.Request) *candidate {
	c, _ := r.Context().Value(connKey{}).(*candidate)
	if c == nil || !isPlain(r) {
		return nil
	}
	if c.posts++; c.posts < 2 || e.closing.Load() {
		return nil
	}
	return c
}

func isPlain(r *http.Request) bool {
	return r.Method == http.MethodPost && r.ProtoAtLeast(1, 1) && r.ProtoMajor == 1 && !r.Close &&
		r.ContentLength > 0 && r.ContentLength <= maxRequest/2 &&
		len(r.TransferEncoding) == 0 && r.Header["Expect"] == nil && r.Header["Upgrade"] == nil
}

// take takes the connection over and serves the request that is under way. It
// returns false if it has touched nothing.
func (e *Express) take(tcp *net.TCPConn, w http.ResponseWriter, r *http.Request) bool {
	e.starting.Do(func() { e.watch = newWatcher(e) })
	if e.watch == nil {
		return false
	}
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Now().Add(e.cfg.RequestTimeout))
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
		return false // next says what is wrong with it
	}
	_, buf, err := control.Hijack()
	if err != nil {
		return false
	}
	ahead, _ := buf.Reader.Peek(buf.Reader.Buffered())
	c, err := e.newConn(tcp, r.RemoteAddr)
	if err != nil {
		return true // closed: the client sends it again
	}
	c.begin(r.WithContext(context.Background()), bytes.Clone(ahead))
	return true
}

// errNothing: there is nothing to read.
var errNothing = errors.New("nothing to read")

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Shutdown closes idle connections, lets requests under way finish and closes
// theirs. It returns ctx's error if ctx ends first; they are closed then all the
// same.
func (e *Express) Shutdown(ctx context.Context) (err error) {
	e.closing.Store(true)
	e.CloseIdle()
	for err == nil && e.Count() > 0 {
		select {
		case <-e.gone:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	e.each((*conn).abort)
	e.starting.Do(func() {})
	if e.watch != nil {
		e.watch.stop()
	}
	return err
}

func (e *Express) each(f func(*conn)) {
	e.mu.Lock()
	all := make([]*conn, 0, len(e.conns))
	for c := range e.conns {
		all = append(all, c)
	}
	e.mu.Unlock()
	for _, c := range all {
		f(c)
	}
}

// CloseIdle closes the connections without a request under way.
func (e *Express) CloseIdle() { e.each((*conn).closeIfIdle) }

// Count is the number of connections that were taken and are open.
func (e *Express) Count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.conns)
}

// forget is called once for each connection.
func (e *Express) forget(c *conn) {
	e.mu.Lock()
	delete(e.conns, c)
	e.mu.Unlock()
	select {
	case e.gone <- struct{}{}:
	default:
	}
}

// sweepEvery is how often old connections are looked for.
const sweepEvery = 5 * time.Second

// sweep closes connections that have been idle for too long, or within a request.
func (e *Express) sweep(now time.Time) {
	e.each(func(c *conn) { c.closeIfOld(now) })
}

// A backListener accepts what goes back to net/http.
type backListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *backListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *backListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *backListener) Addr() net.Addr { return &net.TCPAddr{} }

// give hands a connection over, or closes it if nobody accepts any more.
func (l *backListener) give(c net.Conn) {
	select {
	case l.conns <- c:
	case <-l.closed:
		c.Close()
	}
}

// A readAhead is a connection of which something has been read.
type readAhead struct {
	*net.TCPConn
	ahead []byte
}

func (r *readAhead) Read(b []byte) (int, error) {
	if len(r.ahead) > 0 {
		n := copy(b, r.ahead)
		r.ahead = r.ahead[n:]
		return n, nil
	}
	return r.TCPConn.Read(b)
}
