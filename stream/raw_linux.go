package stream

import (
	"io"
	"syscall"
	"unsafe"
)

const canWriteRaw = true

// writeFD writes without blocking; a full socket takes 0 bytes and is no error.
//
// The system call is a raw one, of which the Go scheduler is not told. It does not
// wait, so there is nothing to be told; and the first one after a pause would wake
// the runtime's monitor, which costs more than the call itself.
func writeFD(fd uintptr, b []byte) (int, error) {
	n, err := rawCall(syscall.SYS_WRITE, fd, b)
	if err == errNothing {
		err = nil
	}
	return n, err
}

// readFD reads without blocking; if there is nothing, the error is errNothing.
func readFD(fd uintptr, b []byte) (int, error) {
	n, err := rawCall(syscall.SYS_READ, fd, b)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func rawCall(number, fd uintptr, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, _, err := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
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
