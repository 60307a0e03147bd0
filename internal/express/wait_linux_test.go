package express

import (
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A bell is in the set of a pause, to be rung.
type bell struct {
	*pause
	t  *testing.T
	fd int
}

func newBell(t *testing.T) *bell {
	p, err := newPause(true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	p.blocks = true // also where there is one processor
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET&0xffffffff}
	if err := unix.EpollCtl(p.set, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		t.Fatal(err)
	}
	return &bell{p, t, fd}
}

func (b *bell) ring() { unix.Write(b.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }

// heard waits for one ring.
func (b *bell) heard() {
	b.t.Helper()
	b.file.SetReadDeadline(time.Now().Add(20 * time.Second))
	if n, err := b.wait(make([]unix.EpollEvent, 4)); n != 1 || err != nil {
		b.t.Fatalf("%d events, %v", n, err)
	}
	if _, err := unix.Read(b.fd, make([]byte, 8)); err != nil {
		b.t.Fatal("an event that was none: ", err)
	}
}

// often has it wait in the kernel from now on.
func (b *bell) often() {
	b.t.Helper()
	for limit := time.Now().Add(20 * time.Second); !b.pause.often; {
		if time.Now().After(limit) {
			b.t.Fatal("events are never often")
		}
		b.ring()
		b.heard()
	}
	b.ring()
	b.heard()
	if b.parked {
		b.t.Fatal("the runtime's poller is told of what is waited for in the kernel")
	}
}

// No event is lost between one way to wait and the other.
func TestPause(t *testing.T) {
	b := newBell(t)
	parks, blocks := 0, 0
	for range 150 {
		go func() {
			time.Sleep(rand.N(2 * often))
			b.ring()
		}()
		if b.heard(); b.parked {
			parks++
		} else {
			blocks++
		}
	}
	if parks == 0 || blocks == 0 {
		t.Errorf("parked %d times, waited in the kernel %d times", parks, blocks)
	}
}

func TestPauseParksWhenNothingComes(t *testing.T) {
	b := newBell(t)
	b.often()
	time.AfterFunc(2*often, b.ring)
	if b.heard(); !b.parked {
		t.Error("it waits in the kernel for what comes seldom")
	}
	if b.pause.often {
		t.Error("it would wait in the kernel again")
	}
}

func TestPauseHasDeadlines(t *testing.T) {
	b := newBell(t)
	for _, prepare := range []func(){func() {}, b.often} {
		prepare()
		b.file.SetReadDeadline(time.Now().Add(-time.Second))
		if n, err := b.wait(make([]unix.EpollEvent, 4)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d events, %v", n, err)
		}
	}
}

func TestPauseCloses(t *testing.T) {
	for _, prepare := range []func(*bell){func(*bell) {}, (*bell).often} {
		b := newBell(t)
		prepare(b)
		time.AfterFunc(time.Millisecond, func() { b.file.Close() })
		if n, err := b.wait(make([]unix.EpollEvent, 4)); n != 0 || err == nil {
			t.Errorf("%d events, %v", n, err)
		}
	}
}

// With one processor a thread that waits in the kernel would keep others from it.
func TestPauseOfOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p, err := newPause(true)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if p.blocks {
		t.Error("it would wait in the kernel")
	}
}
