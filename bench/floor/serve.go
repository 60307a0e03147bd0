//go:build linux

package main

import (
	"net/netip"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// conn is a connection: a stream if it has a token, else a publisher.
type conn struct {
	token string
	in    []byte // the beginning of a request
}

// server is what the one thread knows. Connections are found by descriptor.
type server struct {
	listener int
	epoll    int
	conns    [maxFiles]*conn
	streams  map[string][]int32
	buf      []byte
	chunk    []byte
}

func serve(at netip.AddrPort) error {
	s := &server{streams: map[string][]int32{}, buf: make([]byte, 64<<10)}
	var err error
	if s.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0); err != nil {
		return err
	}
	unix.SetsockoptInt(s.listener, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err := unix.Bind(s.listener, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}); err != nil {
		return err
	}
	if err := unix.Listen(s.listener, 4096); err != nil {
		return err
	}
	if s.epoll, err = unix.EpollCreate1(0); err != nil {
		return err
	}
	if err := s.watch(s.listener); err != nil {
		return err
	}
	return s.loop()
}

func (s *server) watch(fd int) error {
	return unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

func (s *server) loop() error {
	events := make([]unix.EpollEvent, 256)
	for {
		n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(s.epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), ^uintptr(0), 0, 0)
		if e == unix.EINTR {
			continue
		}
		if e != 0 {
			return e
		}
		for _, ev := range events[:n] {
			if fd := int(ev.Fd); fd == s.listener {
				s.accept()
			} else if s.conns[fd] != nil { // a publication may have closed it
				s.read(fd)
			}
		}
	}
}

func (s *server) accept() {
	for {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK)
		if err != nil {
			return // no more, or no room: then it waits in the queue
		}
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if fd >= maxFiles || s.watch(fd) != nil {
			unix.Close(fd)
			continue
		}
		s.conns[fd] = new(conn)
	}
}

func (s *server) close(fd int) {
	if token := s.conns[fd].token; token != "" {
		fds := s.streams[token]
		i := slices.Index(fds, int32(fd))
		s.streams[token] = slices.Delete(fds, i, i+1)
	}
	s.conns[fd] = nil
	unix.Close(fd)
}

func (s *server) read(fd int) {
	c := s.conns[fd]
	n, _, e := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&s.buf[0])), uintptr(len(s.buf)))
	if e == unix.EAGAIN || e == unix.EINTR {
		return
	}
	if e != 0 || n == 0 {
		s.close(fd)
		return
	}
	in := s.buf[:n]
	if len(c.in) > 0 { // the rest of a request
		c.in = append(c.in, in...)
		in = c.in
	}
	req, ok := parse(in)
	if !ok {
		if len(c.in) == 0 {
			c.in = append(c.in, in...)
		}
		return
	}
	c.in = c.in[:0]
	if req.payload == nil {
		s.subscribe(fd, string(req.token))
	} else {
		s.publish(fd, req)
	}
}

func (s *server) subscribe(fd int, token string) {
	c := s.conns[fd]
	c.token, c.in = token, nil
	s.streams[token] = append(s.streams[token], int32(fd))
	write(fd, []byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"))
}

// publish writes to all streams of the token, then answers.
func (s *server) publish(fd int, req request) {
	s.chunk = appendChunk(s.chunk[:0], req.payload)
	full := []int32(nil)
	for _, stream := range s.streams[string(req.token)] {
		if write(int(stream), s.chunk) != len(s.chunk) {
			full = append(full, stream)
		}
	}
	for _, stream := range full {
		s.close(int(stream))
	}
	write(fd, []byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
}

func write(fd int, b []byte) int {
	n, _, e := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if e != 0 {
		return 0
	}
	return int(n)
}
