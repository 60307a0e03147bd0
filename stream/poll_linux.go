package stream

import (
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epoll watches all sockets of a hub with one goroutine. Its own descriptor waits
// in the Go runtime's poller, so that no thread is blocked.
type epoll struct {
	fd   int
	file *os.File
	raw  syscall.RawConn
	done chan struct{}

	mu    sync.Mutex
	slots []epollSlot
	free  []int32
}

// An epollSlot names a socket to the kernel. Its generation tells apart the
// sockets that have had it: an event that was under way when one was closed does
// not reach the next.
type epollSlot struct {
	socket     *socket
	generation int32
}

func newPoller() (poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &epoll{fd: fd, file: os.NewFile(uintptr(fd), "epoll"), done: make(chan struct{})}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		return nil, err
	}
	go p.run()
	return p, nil
}

const interest = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff

func (p *epoll) watch(k *socket) error {
	p.mu.Lock()
	if n := len(p.free); n > 0 {
		k.slot, p.free = p.free[n-1], p.free[:n-1]
	} else {
		k.slot = int32(len(p.slots))
		p.slots = append(p.slots, epollSlot{})
	}
	p.slots[k.slot].socket = k
	p.mu.Unlock()
	return p.control(k, unix.EPOLL_CTL_ADD, interest)
}

// await asks anew each time: the kernel looks whether there is room already, so
// that none is missed.
func (p *epoll) await(k *socket) {
	if p.control(k, unix.EPOLL_CTL_MOD, interest|unix.EPOLLOUT) != nil {
		k.gone()
	}
}

func (p *epoll) control(k *socket, op int, events uint32) error {
	p.mu.Lock()
	ev := unix.EpollEvent{Events: events, Fd: k.slot, Pad: p.slots[k.slot].generation}
	p.mu.Unlock()
	var failed error
	err := k.raw.Control(func(fd uintptr) { failed = unix.EpollCtl(p.fd, op, int(fd), &ev) })
	if err != nil {
		return err
	}
	return failed
}

// forget leaves it to closing to take the descriptor out of the set.
func (p *epoll) forget(k *socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slots[k.slot].socket = nil
	p.slots[k.slot].generation++
	p.free = append(p.free, k.slot)
}

func (p *epoll) stop() {
	p.file.Close()
	<-p.done
}

func (p *epoll) run() {
	defer close(p.done)
	events := make([]unix.EpollEvent, 512)
	sockets := make([]*socket, len(events))
	buf := make([]byte, 4<<10)
	for {
		n, err := p.wait(events)
		if err != nil {
			return // closed
		}
		p.find(events[:n], sockets)
		for i, k := range sockets[:n] {
			if k != nil {
				handle(k, events[i].Events, buf)
			}
			sockets[i] = nil
		}
	}
}

func (p *epoll) wait(events []unix.EpollEvent) (n int, err error) {
	err = p.raw.Read(func(fd uintptr) bool {
		n = epollWait(fd, events)
		return n != 0
	})
	return max(n, 0), err
}

// epollWait returns what is there, or -1 if the descriptor is not one any more.
func epollWait(fd uintptr, events []unix.EpollEvent) int {
	for {
		n, _, err := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
		switch err {
		case 0:
			return int(n)
		case syscall.EINTR:
		default:
			return -1
		}
	}
}

// find looks up the sockets of events that are still theirs.
func (p *epoll) find(events []unix.EpollEvent, sockets []*socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, ev := range events {
		if slot := p.slots[ev.Fd]; slot.generation == ev.Pad {
			sockets[i] = slot.socket
		}
	}
}

func handle(k *socket, events uint32, buf []byte) {
	switch {
	case events&^unix.EPOLLOUT != 0 && discard(k, buf) != nil: // the end and errors are read, too
		k.gone()
	case events&unix.EPOLLOUT != 0:
		k.writable()
	}
}

// discard reads everything that the client has sent. An error is its end.
func discard(k *socket, buf []byte) error {
	for {
		n, err := k.receive(buf)
		if err == errNothing {
			return nil
		}
		if err == nil {
			err = k.hear(n)
		}
		if err != nil {
			return err
		}
	}
}

// receive reads without waiting.
func (k *socket) receive(buf []byte) (n int, err error) {
	if k.tls != nil {
		return k.tls.Read(buf)
	}
	closed := k.raw.Read(func(fd uintptr) bool {
		n, err = readFD(fd, buf)
		return true
	})
	if closed != nil {
		return 0, closed
	}
	return n, err
}

// setPeerTimeout has the kernel give up a peer that acknowledges nothing. An error
// leaves it at many minutes.
func setPeerTimeout(raw syscall.RawConn) {
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(peerTimeout/time.Millisecond))
	})
}
