package express

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// often is how soon after one another events come that are waited for in the kernel.
	often = 5 * time.Millisecond
	// yieldEvery is how often who waits so lets others run. Go's monitor takes the
	// processor away from a goroutine that is on it for 10 ms, and then looks for more of
	// the kind every 20 µs, which is most of what waiting costs.
	yieldEvery = 8 * time.Millisecond
)

// A pause waits for events of an epoll set, for one goroutine at a time.
//
// Where they come seldom it parks in the runtime's poller, and no thread is blocked.
// Where they come often it blocks one in the kernel. Each event then spares the way
// from the runtime's poller through its scheduler, and three of four system calls.
type pause struct {
	set  int // the epoll set
	file *os.File
	raw  syscall.RawConn

	often  bool      // the last events came soon after those before
	last   time.Time // that some came
	yield  time.Time // the last one
	parked bool      // the runtime's poller is told
	blocks bool      // ever

	// Of one wait:
	events []unix.EpollEvent
	n      int
	park   func(fd uintptr) bool
	block  func(fd uintptr) bool
}

// newPause makes an epoll set with one around it: in that one, the runtime's poller is
// told of what happens in the set only while somebody is parked there. With a single
// processor it always parks: others need that meanwhile.
func newPause() (*pause, error) {
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	around, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(around, true) // or os.NewFile does not give it to the poller
	}
	if err != nil {
		unix.Close(set)
		return nil, err
	}
	p := &pause{set: set, file: os.NewFile(uintptr(around), "epoll"), blocks: runtime.GOMAXPROCS(0) > 1}
	if p.raw, err = p.file.SyscallConn(); err == nil {
		err = unix.EpollCtl(around, unix.EPOLL_CTL_ADD, set, &unix.EpollEvent{})
	}
	if err != nil {
		p.close()
		return nil, err
	}
	p.park = func(uintptr) bool {
		p.n = p.poll()
		return p.n != 0
	}
	p.block = func(uintptr) bool {
		n, err := unix.EpollWait(p.set, p.events, int(often/time.Millisecond))
		if err == nil { // otherwise interrupted: looked at again
			p.n = n
		}
		return true
	}
	return p, nil
}

// close has who waits return with an error. Nobody may do anything with the set
// afterwards.
func (p *pause) close() {
	p.file.Close() // returns when nobody blocks any more
	unix.Close(p.set)
}

// wait returns how many events it has put into events; or, if that passes, that the
// deadline of file has passed.
func (p *pause) wait(events []unix.EpollEvent) (n int, err error) {
	p.events, p.n = events, 0
	if p.often && p.blocks {
		p.setParked(false)
		p.letOthers()
		err = p.raw.Read(p.block)
	}
	if p.n == 0 && err == nil {
		p.setParked(true)
		err = p.raw.Read(p.park)
	}
	if err != nil {
		return 0, err
	}
	now := time.Now()
	p.often = now.Sub(p.last) < often
	p.last = now
	return p.n, nil
}

// setParked has the runtime's poller told of the set's events, or not.
func (p *pause) setParked(parked bool) {
	if p.parked == parked {
		return
	}
	p.parked = parked
	ev := unix.EpollEvent{}
	if parked {
		ev.Events = unix.EPOLLIN // if it is so already, that is told at once
	}
	p.raw.Control(func(around uintptr) { unix.EpollCtl(int(around), unix.EPOLL_CTL_MOD, p.set, &ev) })
	p.yield = time.Time{} // somebody else has to look after the runtime's poller
}

// letOthers lets other goroutines run now and then.
func (p *pause) letOthers() {
	if p.last.Sub(p.yield) > yieldEvery {
		p.yield = p.last
		runtime.Gosched()
	}
}

// poll returns how many events there are. It is a raw call, as all that do not wait.
func (p *pause) poll() int {
	for {
		n, _, err := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.set), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), 0, 0, 0)
		switch err {
		case 0:
			return int(n)
		case syscall.EINTR: // the runtime's poller would not tell of it again
		default:
			return 0
		}
	}
}
