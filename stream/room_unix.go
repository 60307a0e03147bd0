//go:build unix

package stream

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// hasRoom reports whether a write would take something, or fail.
func hasRoom(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(fds, 0)
	return n > 0 || err != nil && err != syscall.EINTR
}
