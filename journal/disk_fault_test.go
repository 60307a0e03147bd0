package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"notifier"
)

// memDir is where journals are in a file system in memory.
const memDir = "data"

func openMem(t *testing.T, fs vfs.FS, opts Options) *durable {
	t.Helper()
	return openOn(t, fs, memDir, opts)
}

func openOn(t *testing.T, fs vfs.FS, dir string, opts Options) *durable {
	t.Helper()
	log, err := Disk{Options: opts, Log: slog.New(slog.DiscardHandler), fs: fs, tune: timeless}.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return log.(*durable)
}

// A faulty is a disk with operations that fail.
type faulty struct {
	*errorfs.FS
	left atomic.Int64 // operations until one fails; negative for none
	once bool         // only that one fails, instead of all after it
	err  error
	what func(errorfs.Op) bool
}

func newFaulty(disk vfs.FS, err error) *faulty {
	f := &faulty{err: err, what: changes}
	f.left.Store(-1)
	f.FS = errorfs.Wrap(disk, errorfs.InjectorFunc(f.inject))
	return f
}

func (f *faulty) inject(op errorfs.Op) error {
	if !f.what(op) {
		return nil
	}
	for {
		left := f.left.Load()
		switch {
		case left < 0:
			return nil
		case left == 0 && !f.once:
			return f.err
		case f.left.CompareAndSwap(left, left-1):
			if left == 0 {
				return f.err
			}
			return nil
		}
	}
}

// failAfter has an operation fail; with none before it, heal has none.
func (f *faulty) failAfter(n int64) { f.left.Store(n) }
func (f *faulty) heal()             { f.left.Store(-1) }

// changes are operations on the disk that a full or broken one refuses.
func changes(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFileSync, errorfs.OpFileSyncData,
		errorfs.OpFileSyncTo, errorfs.OpCreate, errorfs.OpRename, errorfs.OpReuseForWrite, errorfs.OpLink:
		return true
	}
	return false
}

// A trial appends to a journal while its disk fails, and holds that every event
// told can be read, that every acknowledged one was told, once and in order, and
// that nothing else is there.
type trial struct {
	*testing.T
	log   *durable
	mu    sync.Mutex
	told  []string
	acked map[string]notifier.ID
	next  int
}

func newTrial(t *testing.T, fs vfs.FS, opts Options) *trial {
	return newTrialIn(t, fs, memDir, opts)
}

func newTrialIn(t *testing.T, fs vfs.FS, dir string, opts Options) *trial {
	r := &trial{T: t, acked: map[string]notifier.ID{}}
	r.log = openOn(t, fs, dir, opts)
	r.log.Follow(func(batch []notifier.Delivery) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, d := range batch {
			r.told = append(r.told, string(d.Event.Data))
		}
	})
	return r
}

// publish appends one event with a new word.
func (r *trial) publish(size int) error {
	r.mu.Lock()
	r.next++
	word := fmt.Sprintf("%0*d", size, r.next)
	r.mu.Unlock()
	p := notifier.Publication{Tokens: []string{"1"}, Data: []byte(word), TTL: time.Hour}
	acks, err := r.log.Append(context.Background(), []notifier.Publication{p})
	if err != nil {
		if !errors.Is(err, notifier.ErrUnavailable) {
			r.Errorf("Append: %v", err)
		}
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acked[word] = acks[0].ID
	return nil
}

// publishAgain publishes until the journal takes it.
func (r *trial) publishAgain() {
	r.Helper()
	for range 1000 {
		if r.publish(10) == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.Fatalf("the journal does not write again: %v", r.log.Health())
}

func (r *trial) check() {
	r.Helper()
	events := r.read()
	read := map[string]notifier.ID{}
	for i, ev := range events {
		if _, twice := read[string(ev.Data)]; twice {
			r.Fatalf("%v is there twice", ev.ID)
		}
		read[string(ev.Data)] = ev.ID
		if i >= len(r.told) || r.told[i] != string(ev.Data) {
			r.Fatalf("event %d is %v, which was not told in this place", i, ev.ID)
		}
	}
	if len(r.told) != len(events) {
		r.Fatalf("%d events told, %d can be read", len(r.told), len(events))
	}
	for word, id := range r.acked {
		if read[word] != id {
			r.Fatalf("%v was acknowledged and is not there", id)
		}
	}
}

func (r *trial) read() (events []notifier.Event) {
	r.Helper()
	q := notifier.Query{Tokens: []string{"1"}}
	for {
		page, err := r.log.Replay(context.Background(), q)
		if err != nil {
			r.Fatalf("Replay: %v", err)
		}
		events = append(events, page.Events...)
		if !page.More {
			return events
		}
		q.After = page.Next
	}
}

func (r *trial) close() {
	r.Helper()
	if err := r.log.Close(); err != nil {
		r.Errorf("Close: %v", err)
	}
}

// TestFault has every kind of operation fail at one time or another, for good until
// the disk is repaired or once, and holds that the journal refuses, goes on reading
// and recovers.
func TestFault(t *testing.T) {
	rounds := 40
	if testing.Short() || racing {
		rounds = 8
	}
	for i := range rounds {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			disk := newFaulty(vfs.NewMem(), []error{syscall.ENOSPC, syscall.EIO}[i%2])
			disk.once = i%3 == 0
			r := newTrial(t, disk, unboundedOptions)
			for range 20 {
				r.publish(100)
			}
			if i%4 == 0 { // reaches flushes and new write-ahead logs
				disk.failAfter(random.Int64N(40))
				for range 400 {
					r.publish(100_000)
				}
			} else {
				disk.failAfter(random.Int64N(20))
				for range 50 {
					r.publish(100)
				}
			}
			if !disk.once && r.log.Health() == nil {
				t.Fatal("the fault was not met")
			}
			if got := len(r.read()); got < len(r.acked) {
				t.Fatalf("%d events can be read of %d acknowledged", got, len(r.acked))
			}
			disk.heal()
			r.publishAgain()
			r.check()
			r.close()
			r.log = openMem(t, disk, unboundedOptions)
			r.check()
			r.close()
		})
	}
}

// unboundedOptions are for tests of anything but bounds.
var unboundedOptions = Options{MaxAge: -1, MaxEvents: -1, MaxBytes: -1}

// TestFaultInTable has only tables fail, which Pebble writes by itself: what is in
// memory and could not be written can still be read.
func TestFaultInTable(t *testing.T) {
	rounds := int64(4)
	if testing.Short() || racing {
		rounds = 1
	}
	for n := range rounds {
		disk := newFaulty(vfs.NewMem(), syscall.ENOSPC)
		disk.what = func(op errorfs.Op) bool { return changes(op) && isTable(op.Path) }
		r := newTrial(t, disk, unboundedOptions)
		disk.failAfter(n)
		for r.log.Health() == nil {
			r.publish(100_000)
		}
		for range 10 { // the flush may be tried again
			if got := len(r.read()); got != len(r.acked) {
				t.Fatalf("%d events can be read of %d acknowledged", got, len(r.acked))
			}
			time.Sleep(time.Millisecond)
		}
		disk.heal()
		r.publishAgain()
		r.check()
		r.close()
	}
}

// TestFaultConcurrent is the same with many publishers at once.
func TestFaultConcurrent(t *testing.T) {
	disk := newFaulty(vfs.NewMem(), syscall.EIO)
	r := newTrial(t, disk, unboundedOptions)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 100 {
				if r.publish(200) != nil {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	for i := range int64(5) {
		time.Sleep(20 * time.Millisecond)
		disk.failAfter(i)
		time.Sleep(20 * time.Millisecond)
		disk.heal()
	}
	all.Wait()
	r.publishAgain()
	r.check()
	r.close()
}

// TestFaultWhileOpening: a disk that is full when the journal is opened is an
// error, and neither hangs nor harms what is there.
func TestFaultWhileOpening(t *testing.T) {
	mem := vfs.NewMem()
	r := newTrial(t, mem, unboundedOptions)
	for range 100 {
		r.publish(1000)
	}
	r.close()
	for n := range int64(60) {
		disk := newFaulty(mem, syscall.ENOSPC)
		disk.failAfter(n)
		log, err := Disk{Options: unboundedOptions, Log: slog.New(slog.DiscardHandler), fs: disk, tune: timeless}.Open(memDir)
		if err == nil {
			log.Close()
			break
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("after %d operations: %v", n, err)
		}
	}
	r.log = openMem(t, mem, unboundedOptions)
	r.check()
	r.close()
}

// TestHealth: it says why the journal refuses, for as long as it does.
func TestHealth(t *testing.T) {
	disk := newFaulty(vfs.NewMem(), syscall.ENOSPC)
	r := newTrial(t, disk, unboundedOptions)
	defer r.close()
	if err := r.log.Health(); err != nil {
		t.Fatal(err)
	}
	disk.failAfter(0)
	r.publish(10)
	err := r.log.Health()
	if !errors.Is(err, syscall.ENOSPC) || !errors.Is(err, notifier.ErrUnavailable) {
		t.Fatalf("Health is %v", err)
	}
	disk.heal()
	r.publishAgain()
	if err := r.log.Health(); err != nil {
		t.Fatal(err)
	}
}

// TestCloseWhileFailed: a journal whose disk is broken can be closed, and opened
// again when it is not.
func TestCloseWhileFailed(t *testing.T) {
	disk := newFaulty(vfs.NewMem(), syscall.EIO)
	r := newTrial(t, disk, unboundedOptions)
	r.publish(10)
	disk.failAfter(0)
	r.publish(10)
	if err := r.log.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Close: %v", err)
	}
	if err := r.publish(10); err == nil {
		t.Error("published to a closed journal")
	}
	disk.heal()
	r.log = openMem(t, disk, unboundedOptions)
	defer r.close()
	if n := len(r.read()); n < 1 || n > 2 {
		t.Errorf("%d events", n)
	}
}

// TestPowerLoss loses what was not synced, in part or all of it, at random moments.
func TestPowerLoss(t *testing.T) {
	for i := range 20 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			mem := vfs.NewCrashableMem()
			r := newTrial(t, mem, unboundedOptions)
			var all sync.WaitGroup
			stop := make(chan struct{})
			for range 4 {
				all.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							r.publish(5000)
						}
					}
				})
			}
			random := rand.New(rand.NewPCG(uint64(i), 0))
			time.Sleep(time.Duration(random.Int64N(int64(60 * time.Millisecond))))
			r.mu.Lock()
			acked := map[string]notifier.ID{}
			for word, id := range r.acked {
				acked[word] = id
			}
			r.mu.Unlock()
			lost := mem.CrashClone(crash(i))
			close(stop)
			all.Wait()
			r.close()
			r.checkLost(lost, acked)
		})
	}
}

func crash(round int) vfs.CrashCloneCfg {
	return vfs.CrashCloneCfg{UnsyncedDataPercent: round % 4 * 33, RNG: rand.New(rand.NewPCG(uint64(round), 1))}
}

// checkLost holds that what was acknowledged survived, and that the log goes on.
func (r *trial) checkLost(lost vfs.FS, acked map[string]notifier.ID) {
	r.Helper()
	r.log = openMem(r.T, lost, unboundedOptions)
	defer r.close()
	read := map[string]notifier.ID{}
	for _, ev := range r.read() {
		read[string(ev.Data)] = ev.ID
	}
	for word, id := range acked {
		if read[word] != id {
			r.Fatalf("%v was acknowledged and is lost", id)
		}
	}
	if err := r.publish(10); err != nil {
		r.Error(err)
	}
}

// TestCorruptTable: of a table with a broken block what is left can be read, and
// what is not is an error, not a hole.
func TestCorruptTable(t *testing.T) {
	mem := vfs.NewMem()
	r := newTrial(t, mem, unboundedOptions)
	for i := range 2000 {
		p := notifier.Publication{Tokens: []string{strconv.Itoa(i)}, Data: make([]byte, 1000), TTL: time.Hour}
		if _, err := r.log.Append(context.Background(), []notifier.Publication{p}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.log.x.db.Flush(); err != nil {
		t.Fatal(err)
	}
	r.close()
	corruptTable(t, mem)
	r.log = openMem(t, mem, unboundedOptions)
	defer r.close()
	whole, broken := 0, 0
	for i := range 2000 {
		page, err := r.log.Replay(context.Background(), notifier.Query{Tokens: []string{strconv.Itoa(i)}})
		switch {
		case err == nil && len(page.Events) == 1:
			whole++
		case errors.Is(err, notifier.ErrUnavailable):
			broken++
		default:
			t.Fatalf("token %d: %+v, %v", i, page, err)
		}
	}
	if broken == 0 || whole < 1900 {
		t.Errorf("%d tokens can be read, %d cannot", whole, broken)
	}
	r.publishAgain()
}

// corruptTable flips a byte in the middle of the largest table.
func corruptTable(t *testing.T, fs vfs.FS) {
	names, err := fs.List(memDir)
	if err != nil {
		t.Fatal(err)
	}
	largest, size := "", int64(0)
	for _, name := range names {
		info, err := fs.Stat(fs.PathJoin(memDir, name))
		if err == nil && filepath.Ext(name) == ".sst" && info.Size() > size {
			largest, size = fs.PathJoin(memDir, name), info.Size()
		}
	}
	f, err := fs.OpenReadWrite(largest, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], size/2); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b[:], size/2); err != nil {
		t.Fatal(err)
	}
}
