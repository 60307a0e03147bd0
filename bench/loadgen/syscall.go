//go:build linux

package main

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollWaitNs waits with a timeout in ns, to send when it is due and not at the
// next millisecond.
func epollWaitNs(epoll int, events []unix.EpollEvent, ns int64) int {
	ts := unix.NsecToTimespec(max(ns, 0))
	n, _, e := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	runtime.KeepAlive(events)
	if e != 0 {
		return 0
	}
	return int(n)
}

// rawRecv reads from a non-blocking socket, without telling Go's scheduler: it
// never waits, and the reading loop does little else.
func rawRecv(fd int, b []byte) (int, error) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}
