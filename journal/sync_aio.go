//go:build linux && (amd64 || arm64)

package journal

import (
	"os"
	"syscall"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// A syncer does what fdatasync does, by a thread of the kernel: who asks for it waits
// in the Go runtime's poller, as for a socket. A system call that blocks instead
// costs the runtime a thread, and wakes its monitor, which is a third of the CPU
// time of a publication on a server that is not busy.
//
// This is Linux's asynchronous I/O (io_submit(2)), which can sync since 4.18. Where
// it is refused, the system call is made. Only one goroutine may use a syncer.
type syncer struct {
	aio     *aio
	refused bool
}

// sync returns when the disk has what was written to the file.
func (s *syncer) sync(f vfs.File) error {
	fd := f.Fd()
	if fd == vfs.InvalidFd || s.refused {
		return f.SyncData()
	}
	if s.aio == nil {
		var err error
		if s.aio, err = newAIO(); err != nil {
			s.refused = true
			return f.SyncData()
		}
	}
	if err := s.aio.submit(fd); err != nil {
		return f.SyncData() // the reason may be the file's
	}
	return s.aio.wait()
}

func (s *syncer) close() {
	if s.aio != nil {
		s.aio.close()
	}
}

// An aio is a context for one request at a time.
type aio struct {
	context  uintptr
	done     *os.File // an eventfd
	raw      syscall.RawConn
	request  iocb
	requests [1]*iocb
	count    [8]byte
	result   ioEvent
	awaited  func(fd uintptr) bool
}

// iocb and ioEvent are the kernel's (linux/aio_abi.h), little endian.
type iocb struct {
	_      uint64 // data
	_      uint32 // key
	_      uint32 // aio_rw_flags
	opcode uint16
	_      int16 // priority
	fd     uint32
	_      [4]uint64 // buf, nbytes, offset, reserved2
	flags  uint32
	resfd  uint32
}

type ioEvent struct {
	_      [2]uint64 // data, obj
	result int64
	_      int64
}

const (
	iocbFdsync = 3 // IOCB_CMD_FDSYNC
	iocbResfd  = 1 // IOCB_FLAG_RESFD
)

func newAIO() (*aio, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	a := &aio{done: os.NewFile(uintptr(fd), "eventfd")}
	a.request = iocb{opcode: iocbFdsync, flags: iocbResfd, resfd: uint32(fd)}
	a.requests[0] = &a.request
	a.awaited = func(fd uintptr) bool {
		_, _, err := syscall.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&a.count)), unsafe.Sizeof(a.count))
		return err != syscall.EAGAIN
	}
	if a.raw, err = a.done.SyscallConn(); err != nil {
		a.done.Close()
		return nil, err
	}
	if _, _, err := syscall.Syscall(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&a.context)), 0); err != 0 {
		a.done.Close()
		return nil, err
	}
	return a, nil
}

// submit has the kernel begin. It does not wait, and neither does asking for the
// result: these are raw system calls.
func (a *aio) submit(fd uintptr) error {
	a.request.fd = uint32(fd)
	if _, _, err := syscall.RawSyscall(unix.SYS_IO_SUBMIT, a.context, 1, uintptr(unsafe.Pointer(&a.requests))); err != 0 {
		return err
	}
	return nil
}

// wait returns the result of what was submitted.
func (a *aio) wait() error {
	for {
		if err := a.raw.Read(a.awaited); err != nil {
			return err
		}
		var now unix.Timespec
		n, _, err := syscall.RawSyscall6(unix.SYS_IO_GETEVENTS, a.context, 0, 1, uintptr(unsafe.Pointer(&a.result)), uintptr(unsafe.Pointer(&now)), 0)
		switch {
		case err != 0:
			return err
		case n == 1 && a.result.result < 0:
			return syscall.Errno(-a.result.result)
		case n == 1:
			return nil
		}
	}
}

func (a *aio) close() {
	syscall.Syscall(unix.SYS_IO_DESTROY, a.context, 0, 0)
	a.done.Close()
}
