//go:build unix && !linux

package stream

import (
	"io"
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

// readFD reads without blocking; if there is nothing, the error is errNothing.
func readFD(fd uintptr, b []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), b)
		switch {
		case err == syscall.EAGAIN:
			return 0, errNothing
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}
