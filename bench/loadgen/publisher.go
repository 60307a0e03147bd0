//go:build linux

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

type pubConfig struct {
	to          target
	headers     []string
	contentType string
	body        string // template of one publication
	lines       int    // publications in each request
	size        int    // of a payload
	run         uint16
	connections int
	token       func(seq uint32) string
}

// publisher holds keep-alive connections, used in turn by one goroutine.
type publisher struct {
	cfg       pubConfig
	path      []string // templates cut at their placeholders
	body      []string
	head      string
	epoll     int
	punctual  punctual
	bell      int // eventfd, ends a poll
	rung      atomic.Bool
	conns     []*pubConn
	idle      []*pubConn // the one that waits longest first
	events    []unix.EpollEvent
	bodyBuf   []byte
	request   []byte
	timing    bool // answers are timed
	answers   []int64
	ok, errs  int64
	firstFail string
}

type pubConn struct {
	index int
	fd    int // -1 while it is closed
	busy  bool
	sent  int64
	in    []byte
}

const (
	tokenMark   = "{token}"
	payloadMark = "{payload}"
)

// pieces cuts a template at its placeholders.
func pieces(template string) (out []string) {
	for template != "" {
		at, mark := strings.Index(template, tokenMark), tokenMark
		if i := strings.Index(template, payloadMark); i >= 0 && (at < 0 || i < at) {
			at, mark = i, payloadMark
		}
		if at < 0 {
			return append(out, template)
		}
		if at > 0 {
			out = append(out, template[:at])
		}
		out, template = append(out, mark), template[at+len(mark):]
	}
	return out
}

func newPublisher(cfg pubConfig) (*publisher, error) {
	p := &publisher{cfg: cfg, path: pieces(cfg.to.path), body: pieces(cfg.body), events: make([]unix.EpollEvent, 256)}
	p.head = " HTTP/1.1\r\nHost: " + cfg.to.host + "\r\nContent-Type: " + cfg.contentType + "\r\n"
	for _, h := range cfg.headers {
		p.head += h + "\r\n"
	}
	p.head += "Content-Length: "
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if p.bell, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return nil, err
	}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, p.bell, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1}); err != nil {
		return nil, err
	}
	for i := range cfg.connections {
		c := &pubConn{index: i, fd: -1}
		if err := p.dial(c); err != nil {
			return nil, err
		}
		p.conns, p.idle = append(p.conns, c), append(p.idle, c)
	}
	return p, nil
}

func (p *publisher) close() {
	for _, c := range p.conns {
		p.hangUp(c)
	}
	unix.Close(p.epoll)
	unix.Close(p.bell)
}

func (p *publisher) put(res result) {
	res["published"], res["publish_errors"] = p.ok, p.errs
	if p.firstFail != "" {
		res["publish_first_error"] = p.firstFail
	}
	newDist(p.answers).put(res, "answer")
}

func (p *publisher) dial(c *pubConn) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err := unix.Connect(fd, &p.cfg.to.addr); err != nil {
		unix.Close(fd)
		return fmt.Errorf("publisher: connect: %w", err)
	}
	unix.SetNonblock(fd, true)
	c.fd, c.in = fd, c.in[:0]
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(c.index)})
}

func (p *publisher) hangUp(c *pubConn) {
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
	}
}

func (p *publisher) ready() bool   { return len(p.idle) > 0 }
func (p *publisher) inFlight() int { return len(p.conns) - len(p.idle) }

// send publishes message seq, and those after it that go in the same request, on
// an idle connection. due is the time that the payloads say, ns.
func (p *publisher) send(seq uint32, due int64) {
	c := p.idle[0]
	p.idle = p.idle[1:]
	c.busy, c.sent = true, nowNs()
	p.compose(seq, due)
	for range 2 { // a connection that was closed meanwhile is opened again
		if c.fd < 0 {
			if err := p.dial(c); err != nil {
				p.fail(c, err.Error())
				return
			}
		}
		err := writeAll(c.fd, p.request)
		if err == nil {
			return
		}
		p.hangUp(c)
	}
	p.fail(c, "the connection breaks when it is written to")
}

// compose makes the request.
func (p *publisher) compose(seq uint32, due int64) {
	p.bodyBuf = p.bodyBuf[:0]
	for i := range p.cfg.lines {
		if i > 0 {
			p.bodyBuf = append(p.bodyBuf, '\n')
		}
		p.bodyBuf = p.fill(p.bodyBuf, p.body, seq+uint32(i), due)
	}
	b := append(p.request[:0], "POST "...)
	b = p.fill(b, p.path, seq, due)
	b = append(b, p.head...)
	b = strconv.AppendInt(b, int64(len(p.bodyBuf)), 10)
	b = append(b, "\r\n\r\n"...)
	p.request = append(b, p.bodyBuf...)
}

func (p *publisher) fill(dst []byte, template []string, seq uint32, due int64) []byte {
	for _, s := range template {
		switch s {
		case tokenMark:
			dst = append(dst, p.cfg.token(seq)...)
		case payloadMark:
			dst = appendPayload(dst, marker{run: p.cfg.run, seq: seq, ns: due}, p.cfg.size)
		default:
			dst = append(dst, s...)
		}
	}
	return dst
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := rawWrite(fd, b)
		if err == unix.EAGAIN {
			unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 1000)
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (p *publisher) fail(c *pubConn, why string) {
	p.errs++
	if p.firstFail == "" {
		p.firstFail = why
	}
	c.busy = false
	p.idle = append(p.idle, c)
}

// poll takes the answers that have come in, waiting at most ns for the first.
func (p *publisher) poll(ns int64) {
	p.punctual.here()
	for i := range epollWaitNs(p.epoll, p.events, ns) {
		if p.events[i].Fd < 0 {
			var b [8]byte
			unix.Read(p.bell, b[:])
			p.rung.Store(false)
			continue
		}
		p.read(p.conns[p.events[i].Fd])
	}
}

// wake ends a poll; any goroutine may call it.
func (p *publisher) wake() {
	if p.rung.CompareAndSwap(false, true) {
		unix.Write(p.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

func (p *publisher) read(c *pubConn) {
	if c.fd < 0 {
		return
	}
	c.in = slices.Grow(c.in, 4096)
	n, err := rawRecv(c.fd, c.in[len(c.in):cap(c.in)])
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	end := err != nil || n == 0
	c.in = c.in[:len(c.in)+max(n, 0)]
	if !c.busy { // it was closed, or says what nobody asked
		p.hangUp(c)
		return
	}
	r, err := parseReply(c.in, end)
	switch {
	case err != nil:
		p.hangUp(c)
		p.fail(c, "answer: "+err.Error())
	case r.length > 0:
		p.answered(c, r)
		if end {
			p.hangUp(c)
		}
	}
}

func (p *publisher) answered(c *pubConn, r reply) {
	if p.timing {
		p.answers = append(p.answers, nowNs()-c.sent)
	}
	if r.status/100 == 2 {
		p.ok++
		c.busy = false
		p.idle = append(p.idle, c)
	} else {
		p.fail(c, string(c.in[:min(r.length, 300)]))
	}
	c.in = c.in[:0]
	if r.closes {
		p.hangUp(c)
	}
}

// drain waits until there are deliveries, and everything is answered; or nothing
// has come for a while.
func (p *publisher) drain(book *ledger, deliveries int64, patience time.Duration) {
	before, since := book.got.Load(), nowNs()
	for book.got.Load() < deliveries || p.inFlight() > 0 {
		p.poll(5e6)
		if got := book.got.Load(); got != before {
			before, since = got, nowNs()
		} else if nowNs()-since > patience.Nanoseconds() {
			return
		}
	}
}
