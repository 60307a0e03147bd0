package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"notifier"
)

// Open opens the journal in a directory, or creates one: a log that forgets
// nothing with the process. Appending returns when the disk has it. An error says
// which directory it is about; only one process can have it open.
//
// The default of MaxBytes is 1 GiB here. While the disk fails the log refuses to
// append, answers what it can read, and goes on by itself when the disk does.
func Open(dir string, opts Options) (Log, error) { return Disk{Options: opts}.Open(dir) }

// A Disk is what can be said about a log on disk beside its bounds.
type Disk struct {
	Options
	// Cache is how many bytes of tables are kept in memory, 0 for 32 MiB.
	Cache int64
	// Log is told of trouble with the disk, nil for slog.Default.
	Log *slog.Logger

	fs   vfs.FS // nil for the system's
	tune func(*pebble.Options)
}

// Healthy is implemented by logs that can be unable to append for a while.
type Healthy interface {
	// Health is why the log refuses to append, nil if it does not. It returns at
	// once.
	Health() error
}

const (
	defaultDiskBytes = 1 << 30
	defaultCache     = 32 << 20
)

// Open is like [Open].
func (d Disk) Open(dir string) (Log, error) {
	d.MaxBytes = cmp.Or(d.MaxBytes, defaultDiskBytes)
	disk := d.fs
	if disk == nil {
		disk = vfs.Default
	}
	lock, err := lockDir(dir, disk)
	if err != nil {
		return nil, err
	}
	l := &durable{lock: lock}
	l.x = &index{
		dir:   dir,
		disk:  disk,
		opts:  d.Options.withDefaults(),
		log:   cmp.Or(d.Log, slog.Default()),
		size:  cmp.Or(d.Cache, defaultCache),
		tune:  d.tune,
		swept: make(chan struct{}, 1),
	}
	err = checkPebble(dir, disk)
	if err == nil {
		err = l.x.open()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the journal in %s: %w", dir, err), lock.Close())
	}
	l.start()
	return l, nil
}

// lockDir makes the directory ours, and makes it.
func lockDir(dir string, disk vfs.FS) (io.Closer, error) {
	if err := disk.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the journal in %s: %w", dir, err)
	}
	lock, err := disk.Lock(disk.PathJoin(dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("the journal in %s is in use by another process: %w", dir, err)
	}
	return lock, nil
}

// A durable is a log on disk.
type durable struct {
	x         *index
	committer *committer
	lock      io.Closer
	closing   sync.Once
	stop      context.CancelFunc // ends keep
	kept      sync.WaitGroup
}

func (l *durable) start() {
	l.committer = newCommitter(l.x)
	go l.committer.run()
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.kept.Go(func() { l.keep(ctx) })
	l.committer.poke() // the bounds may be others than they were
}

// keep has the bounds held also while nobody appends, and space given back without
// anybody waiting for it.
func (l *durable) keep(ctx context.Context) {
	var tick <-chan time.Time
	if age := l.x.opts.MaxAge; age >= 0 {
		t := time.NewTicker(max(age/ticksPerAge, time.Millisecond))
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-tick:
			l.committer.poke()
		case <-l.x.swept:
			if err := l.x.sweep(ctx); err != nil && ctx.Err() == nil {
				l.x.log.Warn("the journal keeps more on disk than it should", "dir", l.x.dir, "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// ticksPerAge is how often in MaxAge the log looks for what is too old.
const ticksPerAge = 60

func (l *durable) Append(ctx context.Context, pubs []notifier.Publication) ([]notifier.Ack, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	j := &job{entries: make([]*entry, len(pubs))}
	for i := range pubs {
		j.entries[i] = l.x.hash.entry(&pubs[i])
		j.size += j.entries[i].size()
	}
	if j.size > maxAppend {
		return nil, fmt.Errorf("appending %d bytes at once: %w", j.size, notifier.ErrTooLarge)
	}
	if err := l.committer.do(ctx, j); err != nil {
		return nil, err
	}
	return j.acks, nil
}

// maxAppend is what fits into one round, far below what Pebble allows.
const maxAppend = 1 << 30

func (l *durable) Replay(ctx context.Context, q notifier.Query) (notifier.Page, error) {
	if err := ctx.Err(); err != nil {
		return notifier.Page{}, err
	}
	page, err := l.x.replay(q)
	if err != nil && !errors.Is(err, notifier.ErrUnavailable) {
		err = l.committer.unavailable(err)
	}
	return page, err
}

func (l *durable) Forget(ctx context.Context, token string) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	sum := l.x.hash.token(token)
	j := &job{forget: &sum}
	err := l.committer.do(ctx, j)
	return j.forgotten, err
}

func (l *durable) Follow(tell func(batch []notifier.Delivery)) { l.committer.follow(tell) }

func (l *durable) Head() notifier.ID { return l.x.origin().At(l.x.state.Load().last) }

func (l *durable) Health() error { return l.committer.Health() }

func (l *durable) Close() (err error) {
	l.closing.Do(func() {
		l.committer.close()
		l.stop()
		l.kept.Wait()
		err = errors.Join(l.x.swap(nil, nil, nil), l.lock.Close())
	})
	return err
}
