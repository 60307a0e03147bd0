//go:build unix

package stream

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const canWriteRaw = true

// writeFD writes without blocking; a full socket takes 0 bytes and is no error.
func writeFD(fd uintptr, b []byte) (int, error) {
	for {
		n, err := unix.Write(int(fd), b)
		switch err {
		case nil:
			return n, nil
		case syscall.EAGAIN:
			return 0, nil
		case syscall.EINTR:
		default:
			return 0, err
		}
	}
}

// hasRoom reports whether a write would take something, or fail.
func hasRoom(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	n, err := unix.Poll(fds, 0)
	return n > 0 || err != nil && err != syscall.EINTR
}
