package express

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const canWatch = true

// epoll watches connections with one goroutine. Every system call that does not wait is
// a raw one: others wake the runtime's monitor, which is most of the cost of a request
// on a server that is not busy.
type epoll struct {
	e     *Express
	pause *pause
	done  chan struct{}

	procs int           // that can run at once
	turn  atomic.Uint64 // odd while the goroutine that watches serves a request that may wait

	mu    sync.Mutex
	last  int32 // slot given
	conns map[int32]*conn
}

// newWatcher returns nil if the system has no descriptors left for one.
func newWatcher(e *Express) watcher {
	pause, err := newPause()
	if err != nil {
		return nil
	}
	p := &epoll{e: e, pause: pause, done: make(chan struct{}), procs: runtime.GOMAXPROCS(0), conns: map[int32]*conn{}}
	go p.run()
	if !e.cfg.Inline {
		go p.relieve()
	}
	return p
}

// add watches a connection for what comes from now on, and for what is there.
func (p *epoll) add(c *conn) error {
	p.mu.Lock()
	for p.last = max(p.last+1, 1); p.conns[p.last] != nil; p.last = max(p.last+1, 1) {
	}
	c.slot = p.last
	p.conns[c.slot] = c
	p.mu.Unlock()
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff, Fd: c.slot}
	return unix.EpollCtl(p.pause.set, unix.EPOLL_CTL_ADD, c.fd, &ev)
}

func (p *epoll) remove(c *conn) {
	p.mu.Lock()
	delete(p.conns, c.slot)
	p.mu.Unlock()
	unix.EpollCtl(p.pause.set, unix.EPOLL_CTL_DEL, c.fd, nil) // fails if it was never in
}

func (p *epoll) conn(slot int32) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns[slot]
}

// stop ends watching. No connection is left.
func (p *epoll) stop() {
	p.pause.close()
	<-p.done
}

func (p *epoll) run() {
	events := make([]unix.EpollEvent, 128)
	buf := make([]byte, maxRequest)
	p.pause.file.SetReadDeadline(time.Now().Add(sweepEvery))
	for {
		n, err := p.pause.wait(events)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			now := time.Now()
			p.e.sweep(now)
			p.pause.file.SetReadDeadline(now.Add(sweepEvery))
		} else if err != nil {
			close(p.done)
			return
		}
		if !p.serve(events[:n], buf) {
			return
		}
		if n >= enough {
			runtime.Gosched() // there will be more at once, and others wait for a turn
		}
	}
}

// relieve looks after the goroutine that watches: while it is held up by a request,
// another one takes its place.
func (p *epoll) relieve() {
	tick := time.NewTicker(patience)
	defer tick.Stop()
	for last := uint64(0); ; {
		select {
		case <-tick.C:
		case <-p.done:
			return
		}
		turn := p.turn.Load()
		if turn == last && turn%2 == 1 && p.turn.CompareAndSwap(turn, turn+1) {
			go p.run()
		}
		last = turn
	}
}

// patience is for how long a request may hold up all others: up to twice that. A disk
// that works is quicker by far.
const patience = 100 * time.Millisecond

// enough is how many requests a goroutine serves before it asks others for help:
// waking one costs about as much as serving a few.
const enough = 4

// serve serves what is there. It returns false if the caller has been relieved.
func (p *epoll) serve(ready []unix.EpollEvent, buf []byte) bool {
	if p.e.cfg.Inline {
		p.share(ready, buf)
		return true
	}
	return p.spread(ready, buf)
}

// spread serves each request in a goroutine but for the last, which is all there is
// on a server that is not busy: to it, waking a goroutine would be much of the cost.
func (p *epoll) spread(ready []unix.EpollEvent, buf []byte) bool {
	for i, ev := range ready {
		c, ended := p.conn(ev.Fd), ev.Events&^unix.EPOLLIN != 0
		switch {
		case c == nil:
		case i < len(ready)-1:
			go withBuffer(func(own []byte) { c.pump(own, ended) })
		default:
			turn := p.turn.Add(1)
			c.pump(buf, ended)
			return p.turn.CompareAndSwap(turn, turn+1)
		}
	}
	return true
}

// share serves what is there. If that is much, as many goroutines do as can run.
func (p *epoll) share(ready []unix.EpollEvent, buf []byte) {
	parts := max(1, min(len(ready)/enough, p.procs))
	for size := (len(ready) + parts - 1) / parts; len(ready) > size; ready = ready[size:] {
		part := slices.Clone(ready[:size])
		go withBuffer(func(own []byte) { p.each(part, own) })
	}
	p.each(ready, buf)
}

func (p *epoll) each(ready []unix.EpollEvent, buf []byte) {
	for _, ev := range ready {
		if c := p.conn(ev.Fd); c != nil {
			c.pump(buf, ev.Events&^unix.EPOLLIN != 0)
		}
	}
}

// detach returns a copy of a connection's descriptor.
func detach(tcp *net.TCPConn) (fd int, err error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return -1, err
	}
	var failed error
	err = raw.Control(func(old uintptr) { fd, failed = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	return fd, errors.Join(err, failed)
}

// attach makes a connection of a descriptor again.
func attach(fd int) (*net.TCPConn, error) {
	file := os.NewFile(uintptr(fd), "publisher")
	defer file.Close()
	c, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// readFD reads without blocking: errNothing if there is nothing, io.EOF at the end.
func readFD(fd int, b []byte) (int, error) {
	n, err := call(syscall.SYS_READ, fd, b)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// writeFD writes as much as there is room for.
func writeFD(fd int, b []byte) (int, error) {
	n, err := call(syscall.SYS_WRITE, fd, b)
	if err == errNothing {
		err = nil
	}
	return n, err
}

// call makes a system call that does not block.
func call(number uintptr, fd int, b []byte) (int, error) {
	for {
		n, _, err := syscall.RawSyscall(number, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch err {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, errNothing
		default:
			return 0, err
		}
	}
}

func closeFD(fd int) { unix.Close(fd) }

func shutdownFD(fd int) { unix.Shutdown(fd, unix.SHUT_RDWR) }
