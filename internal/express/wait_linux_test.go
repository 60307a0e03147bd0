package express

import (
	"errors"
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
	p, err := newPause()
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

// No event is lost on any way to wait: not one that has come before, and not one that
// comes when it is parked.
func TestPause(t *testing.T) {
	b := newBell(t)
	park := b.park
	for range 3 {
		for _, often := range []bool{false, true, true} {
			b.pause.often = often
			b.ring()
			if b.heard(); b.parked == often {
				t.Errorf("parked %v, events often %v", b.parked, often)
			}
			b.pause.often = often
			parked := false
			b.pause.park = func(fd uintptr) bool {
				ready := park(fd)
				if !parked {
					parked = true
					b.ring()
				}
				return ready
			}
			if b.heard(); !parked || !b.parked {
				t.Errorf("nothing came, and it did not park; events often %v", often)
			}
			b.pause.park = park
		}
	}
}

// Events are often if they come soon after those before.
func TestPauseKnowsWhatIsOften(t *testing.T) {
	b := newBell(t)
	for last, often := range map[time.Time]bool{{}: false, time.Now().Add(time.Hour): true, time.Now().Add(-time.Hour): false} {
		b.last = last
		b.ring()
		if b.heard(); b.pause.often != often {
			t.Errorf("often %v", b.pause.often)
		}
	}
}

func TestPauseHasDeadlines(t *testing.T) {
	b := newBell(t)
	for _, often := range []bool{false, true} {
		b.pause.often = often
		b.file.SetReadDeadline(time.Now().Add(-time.Second))
		if n, err := b.wait(make([]unix.EpollEvent, 4)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d events, %v", n, err)
		}
	}
}

func TestPauseCloses(t *testing.T) {
	for _, often := range []bool{false, true} {
		b := newBell(t)
		b.pause.often = often
		park, block := b.park, b.block
		b.pause.park = func(fd uintptr) bool { go b.file.Close(); return park(fd) }
		b.pause.block = func(fd uintptr) bool { go b.file.Close(); return block(fd) }
		if n, err := b.wait(make([]unix.EpollEvent, 4)); n != 0 || err == nil {
			t.Errorf("%d events, %v", n, err)
		}
	}
}

// With one processor a thread that waits in the kernel would keep others from it.
func TestPauseOfOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p, err := newPause()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if p.blocks {
		t.Error("it would wait in the kernel")
	}
}
