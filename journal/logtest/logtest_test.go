package logtest_test

import (
	"context"
	"sync"
	"testing"

	"notifier"
	"notifier/journal"
	"notifier/journal/logtest"
)

// TestReopened runs the suite with a log that outlives its processes, so that what
// is asked of those is known to have an answer.
func TestReopened(t *testing.T) {
	logtest.Run(t, logtest.Suite{
		Open: func(_ *testing.T, opts journal.Options) journal.Log {
			d := &disk{Log: journal.Memory(opts)}
			d.Follow(func(batch []notifier.Delivery) {
				if d.tell != nil {
					d.tell(batch)
				}
			})
			return &process{disk: d}
		},
		Reopen: func(t *testing.T, log journal.Log) journal.Log {
			if err := log.Close(); err != nil {
				t.Error(err)
			}
			return &process{disk: log.(*process).disk}
		},
		FakeClock: true,
	})
}

// A disk is what processes leave to each other.
type disk struct {
	journal.Log
	tell func([]notifier.Delivery)
}

// A process has a disk open.
type process struct {
	*disk
	using  sync.RWMutex
	closed bool
}

func (p *process) Follow(tell func([]notifier.Delivery)) { p.tell = tell }

func (p *process) Append(ctx context.Context, pubs []notifier.Publication) ([]notifier.Ack, error) {
	return use(p, func() ([]notifier.Ack, error) { return p.Log.Append(ctx, pubs) })
}

func (p *process) Replay(ctx context.Context, q notifier.Query) (notifier.Page, error) {
	return use(p, func() (notifier.Page, error) { return p.Log.Replay(ctx, q) })
}

func (p *process) Forget(ctx context.Context, token string) (int, error) {
	return use(p, func() (int, error) { return p.Log.Forget(ctx, token) })
}

func use[T any](p *process, do func() (T, error)) (none T, err error) {
	p.using.RLock()
	defer p.using.RUnlock()
	if p.closed {
		return none, notifier.ErrUnavailable
	}
	return do()
}

func (p *process) Close() error {
	p.using.Lock()
	defer p.using.Unlock()
	if !p.closed {
		p.closed, p.tell = true, nil
	}
	return nil
}
