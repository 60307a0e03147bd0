//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of opening streams.
const (
	openingAtOnce = 256
	tries         = 3
	openLimit     = 60 * time.Second
)

// target is an http address on loopback, taken apart.
type target struct {
	addr unix.SockaddrInet4
	host string
	path string
}

func parseTarget(raw string) (t target, err error) {
	rest, ok := strings.CutPrefix(raw, "http://")
	if !ok {
		return t, errors.New("only http:// addresses: " + raw)
	}
	host, path, _ := strings.Cut(rest, "/")
	at, err := netip.ParseAddrPort(host)
	if err != nil {
		return t, err
	}
	if !at.Addr().Is4() || !at.Addr().IsLoopback() {
		return t, errors.New("loopback IPv4 only: " + raw)
	}
	return target{addr: unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}, host: host, path: "/" + path}, nil
}

type poolConfig struct {
	to       target
	headers  []string
	socketIO bool
	login    string // socket.io's first packet
	n        int
	token    func(stream int) string
	run      uint16
	book     *ledger

	receiveBuffer int
	neverRead     bool     // stop reading once the header is there
	lastIDs       []string // by stream: ids are kept here, and sent if not empty
}

// pool is many streams, opened and read by one goroutine.
type pool struct {
	cfg     poolConfig
	streams []stream
	opened  atomic.Int64
	failed  atomic.Int64
	stop    atomic.Bool
	running sync.WaitGroup

	// The rest belongs to the goroutine, and to others once it has ended.
	epoll   int
	next    int // to be opened
	opening int
	buf     []byte
	cur     *stream // being read
	now     int64
	closed  int64 // by the server
	foreign int64 // payloads of another run
	errs    map[string]int
}

type state uint8

const (
	connecting state = iota
	waiting          // for the header
	open
	gone
)

// stream is one connection of a pool.
type stream struct {
	fd     int32
	index  int32
	state  state
	tries  uint8
	http   decoder
	find   scanner
	line   []byte // the beginning of a line, where ids are kept
	packet []byte // the beginning of a socket.io packet, before the stream is open
}

func newPool(cfg poolConfig) *pool {
	p := &pool{cfg: cfg, streams: make([]stream, cfg.n), epoll: -1, buf: make([]byte, 256<<10), errs: map[string]int{}}
	for i := range p.streams {
		p.streams[i].index, p.streams[i].fd = int32(i), -1
	}
	return p
}

// open connects all streams and returns how long that took.
func (p *pool) open() (time.Duration, error) {
	begin := time.Now()
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return 0, err
	}
	p.running.Go(p.loop)
	for p.opened.Load()+p.failed.Load() < int64(p.cfg.n) && time.Since(begin) < openLimit {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(begin)
	if opened := p.opened.Load(); opened < int64(p.cfg.n) {
		p.close()
		return took, fmt.Errorf("%d of %d streams are open: %v", opened, p.cfg.n, p.errs)
	}
	return took, nil
}

// close resets all connections at once. It may be called again.
func (p *pool) close() {
	p.stop.Store(true)
	p.running.Wait()
	for i := range p.streams {
		s := &p.streams[i]
		if s.fd >= 0 {
			unix.SetsockoptLinger(int(s.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
			p.drop(s)
		}
	}
	if p.epoll >= 0 {
		unix.Close(p.epoll)
		p.epoll = -1
	}
}

// put adds what went wrong to the result; for closed pools.
func (p *pool) put(res result) {
	p.cfg.book.put(res)
	res["closed_by_server"], res["foreign"] = p.closed, p.foreign
	bad := uint32(0)
	for i := range p.streams {
		bad += p.streams[i].find.bad
	}
	res["damaged"] = bad
	if len(p.errs) > 0 {
		res["stream_errors"] = p.errs
	}
}

func (p *pool) loop() {
	events := make([]unix.EpollEvent, 1024)
	for !p.stop.Load() {
		for p.opening < openingAtOnce && p.next < p.cfg.n {
			p.next++
			p.connect(&p.streams[p.next-1])
		}
		for i := range epollWaitNs(p.epoll, events, 50e6) {
			p.event(&p.streams[events[i].Fd], events[i].Events)
		}
	}
}

func (p *pool) connect(s *stream) {
	p.opening++
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		p.fail(s, "socket: "+err.Error())
		return
	}
	s.fd, s.state = int32(fd), connecting
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if p.cfg.receiveBuffer > 0 {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, p.cfg.receiveBuffer)
	}
	p.bind(fd, s.index)
	if err := unix.Connect(fd, &p.cfg.to.addr); err != nil && err != unix.EINPROGRESS {
		p.fail(s, "connect: "+err.Error())
		return
	}
	// Events carry the stream's number where epoll has room for a descriptor.
	ev := unix.EpollEvent{Events: unix.EPOLLOUT | unix.EPOLLIN, Fd: s.index}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		p.fail(s, "epoll: "+err.Error())
	}
}

// fail ends a connection that did not come up, and tries again.
func (p *pool) fail(s *stream, why string) {
	p.errs[why]++
	p.drop(s)
	p.opening--
	if s.tries++; s.tries < tries {
		s.http, s.find, s.line, s.packet = decoder{}, scanner{}, nil, nil
		p.connect(s)
		return
	}
	p.failed.Add(1)
}

func (p *pool) drop(s *stream) {
	if s.fd >= 0 {
		unix.Close(int(s.fd))
	}
	s.fd, s.state = -1, gone
}

func (p *pool) event(s *stream, ev uint32) {
	switch s.state {
	case gone:
	case connecting:
		if ev&(unix.EPOLLOUT|unix.EPOLLERR|unix.EPOLLHUP) != 0 {
			p.connected(s)
		}
	default:
		p.read(s)
	}
}

func (p *pool) connected(s *stream) {
	if e, _ := unix.GetsockoptInt(int(s.fd), unix.SOL_SOCKET, unix.SO_ERROR); e != 0 {
		p.fail(s, "connect: "+unix.Errno(e).Error())
		return
	}
	req := p.request(s)
	if n, err := unix.Write(int(s.fd), req); err != nil || n != len(req) {
		p.fail(s, fmt.Sprintf("request: %v", err))
		return
	}
	s.state = waiting
	unix.EpollCtl(p.epoll, unix.EPOLL_CTL_MOD, int(s.fd), &unix.EpollEvent{Events: unix.EPOLLIN, Fd: s.index})
}

func (p *pool) request(s *stream) []byte {
	token := p.cfg.token(int(s.index))
	b := append(make([]byte, 0, 256), "GET "...)
	b = append(b, strings.ReplaceAll(p.cfg.to.path, "{token}", token)...)
	b = append(b, " HTTP/1.1\r\nHost: "+p.cfg.to.host+"\r\n"...)
	if p.cfg.socketIO {
		b = append(b, websocketHeaders...)
	} else {
		b = append(b, "Accept: text/event-stream\r\n"...)
	}
	for _, h := range p.cfg.headers {
		b = append(b, h+"\r\n"...)
	}
	if p.cfg.lastIDs != nil && p.cfg.lastIDs[s.index] != "" {
		b = append(b, "Last-Event-ID: "+p.cfg.lastIDs[s.index]+"\r\n"...)
	}
	return append(b, "\r\n"...)
}

func (p *pool) read(s *stream) {
	n, err := rawRecv(int(s.fd), p.buf)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil:
		p.end(s, "read: "+err.Error())
		return
	case n == 0:
		p.end(s, "closed by server")
		return
	}
	p.now, p.cur = nowNs(), s
	if err := s.http.feed(p.buf[:n], p); err != nil {
		p.end(s, err.Error())
	} else if s.http.phase == inTrailer {
		p.end(s, "stream ended by server")
	}
}

// end is for streams that the server, or an error, has ended.
func (p *pool) end(s *stream, why string) {
	switch s.state {
	case gone:
	case open:
		p.errs[why]++
		p.closed++
		p.drop(s)
	default:
		p.fail(s, "before it was open: "+why)
	}
}

func (p *pool) ready(s *stream) {
	s.state = open
	p.opening--
	p.opened.Add(1)
	if p.cfg.neverRead {
		unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, int(s.fd), nil)
	}
}

// The pool takes what the decoder of its current stream finds.

func (p *pool) header(status int) error {
	switch {
	case status == 101 && p.cfg.socketIO: // open when its login is acknowledged
	case status == 200 && !p.cfg.socketIO:
		p.ready(p.cur)
	default:
		return fmt.Errorf("status %d", status)
	}
	return nil
}

func (p *pool) body(b []byte) {
	p.cur.find.feed(b, p.found)
	if p.cfg.lastIDs != nil {
		p.keepID(b)
	}
}

// keepID looks for lines with an id.
func (p *pool) keepID(b []byte) {
	s := p.cur
	s.line = append(s.line, b...)
	for {
		line, rest, whole := bytes.Cut(s.line, []byte("\n"))
		if !whole {
			return
		}
		if id, ok := bytes.CutPrefix(line, []byte("id:")); ok {
			p.cfg.lastIDs[s.index] = string(bytes.TrimSpace(id))
		}
		s.line = append(s.line[:0], rest...)
	}
}

func (p *pool) found(m marker) {
	if m.run != p.cfg.run {
		p.foreign++
		return
	}
	p.cfg.book.note(int(p.cur.index), m, p.now)
}

// bind spreads streams over addresses of this machine: from a single one the kernel
// looks ever longer for a free port, which would be measured as the server's time.
// Where it cannot, they all have one.
func (p *pool) bind(fd int, index int32) {
	if p.cfg.to.addr.Addr[0] != 127 {
		return
	}
	unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + index/4000)}})
}
