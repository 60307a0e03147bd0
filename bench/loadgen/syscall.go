//go:build linux

package main

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of the two loops are raw ones: Go's scheduler is not told, not even
// when they wait. Told, it would think that a loop never lets go of its processor, and
// have its monitor wake up thousands of times a second to take it away, on the machine
// that the server shares. What interrupts them is a signal of the scheduler's.

// epollWaitNs waits with a timeout in ns, to send when it is due and not at the
// next millisecond. Interrupted, it returns 0.
func epollWaitNs(epoll int, events []unix.EpollEvent, ns int64) int {
	ts := unix.NsecToTimespec(max(ns, 0))
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	runtime.KeepAlive(events)
	if e != 0 {
		return 0
	}
	return int(n)
}

// rawRecv reads from a non-blocking socket.
func rawRecv(fd int, b []byte) (int, error) {
	return rawCall(unix.SYS_RECVFROM, fd, b)
}

// rawWrite writes to one.
func rawWrite(fd int, b []byte) (int, error) {
	return rawCall(unix.SYS_WRITE, fd, b)
}

func rawCall(number uintptr, fd int, b []byte) (int, error) {
	n, _, e := unix.RawSyscall6(number, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// punctual has the thread that a goroutine is on wake up when it says. It may have
// another one each time it is asked.
type punctual struct{ thread uintptr }

func (p *punctual) here() {
	thread, _, _ := unix.RawSyscall(unix.SYS_GETTID, 0, 0, 0)
	if thread != p.thread {
		p.thread = thread
		unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, 1, 0)
	}
}
