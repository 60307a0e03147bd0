//go:build linux && (amd64 || arm64)

package journal

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// An appender does what write and fdatasync do, but syncs by a thread of the kernel: a
// system call that blocks costs the Go runtime a thread, and wakes its monitor, which
// is a third of the CPU time of a publication on a server that is not busy.
//
// This is Linux's asynchronous I/O (io_submit(2)), which can sync since 4.18. Where it
// is refused, the system call is made. Only one goroutine may use an appender.
type appender struct {
	aio     *aio
	refused bool
	quick   bool // the disk was, the last time
}

// stayAtMost is for how long a disk is waited for without letting others have the
// processor.
const stayAtMost = time.Millisecond

// append returns when the disk has what it has written to the end of the file. alone
// says that hardly anybody else has something to do: then it waits for a disk that is
// quick without giving up its processor, if there is another one.
func (a *appender) append(f vfs.File, b []byte, alone bool) error {
	if _, err := f.Write(b); err != nil {
		return err
	}
	start := time.Now()
	err := a.sync(f, alone && a.quick && runtime.GOMAXPROCS(0) > 1)
	a.quick = time.Since(start) < stayAtMost
	return err
}

func (a *appender) sync(f vfs.File, stay bool) error {
	fd := f.Fd()
	if fd == vfs.InvalidFd || a.refused {
		return f.SyncData()
	}
	if a.aio == nil {
		var err error
		if a.aio, err = newAIO(); err != nil {
			a.refused = true
			return f.SyncData()
		}
	}
	var err error
	if stay {
		err = a.aio.stay(fd, stayAtMost)
	} else {
		err = a.aio.park(fd)
	}
	if !a.aio.submitted {
		return f.SyncData() // the reason may be the file's
	}
	return err
}

func (a *appender) close() {
	if a.aio != nil {
		a.aio.close()
	}
}

// An aio is a context for one request at a time.
type aio struct {
	context  uintptr
	done     *os.File // an eventfd: it is never read, and tells of each time it is written to
	raw      syscall.RawConn
	request  iocb
	requests [1]*iocb
	result   ioEvent
	step     func(fd uintptr) bool

	// Of one request:
	submitted bool
	err       error
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
	a.request = iocb{opcode: iocbFdsync, resfd: uint32(fd)}
	a.requests[0] = &a.request
	a.step = func(uintptr) bool {
		if !a.submitted {
			return !a.submit()
		}
		return a.ended(0)
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

// park syncs, and waits in the runtime's poller. The request is submitted once the poller
// has forgotten earlier ones, so that there is no need to look before waiting.
func (a *aio) park(fd uintptr) error {
	a.begin(fd, iocbResfd)
	if err := a.raw.Read(a.step); err != nil {
		return err
	}
	return a.err
}

// stay syncs, and waits in the kernel. Go's scheduler is told of it only if it takes
// longer than a moment.
func (a *aio) stay(fd uintptr, moment time.Duration) error {
	a.begin(fd, 0)
	if a.submit() && !a.ended(moment) {
		a.ended(forever)
	}
	return a.err
}

func (a *aio) begin(fd uintptr, flags uint32) {
	a.request.fd, a.request.flags = uint32(fd), flags
	a.submitted, a.err = false, nil
}

// submit has the kernel begin. It does not wait, and is a raw system call.
func (a *aio) submit() bool {
	_, _, err := syscall.RawSyscall(unix.SYS_IO_SUBMIT, a.context, 1, uintptr(unsafe.Pointer(&a.requests)))
	a.submitted = err == 0
	return a.submitted
}

const forever = -1

// ended waits for up to so long for the end of the request.
func (a *aio) ended(atMost time.Duration) bool {
	for {
		n, err := a.events(atMost)
		switch {
		case err == syscall.EINTR:
			continue
		case err != 0:
			a.err = err
		case n == 0:
			return false
		case a.result.result < 0:
			a.err = syscall.Errno(-a.result.result)
		}
		return true
	}
}

// events is io_getevents(2), as a raw system call if it has a bound.
func (a *aio) events(atMost time.Duration) (n uintptr, err syscall.Errno) {
	if atMost == forever {
		n, _, err = syscall.Syscall6(unix.SYS_IO_GETEVENTS, a.context, 1, 1, uintptr(unsafe.Pointer(&a.result)), 0, 0)
		return n, err
	}
	limit := unix.Timespec{Nsec: int64(atMost)}
	n, _, err = syscall.RawSyscall6(unix.SYS_IO_GETEVENTS, a.context, 1, 1, uintptr(unsafe.Pointer(&a.result)), uintptr(unsafe.Pointer(&limit)), 0)
	return n, err
}

func (a *aio) close() {
	syscall.Syscall(unix.SYS_IO_DESTROY, a.context, 0, 0)
	a.done.Close()
}
