package journal

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"notifier"
)

// Memory returns a log that keeps its events in memory and forgets them with the
// process. Appending is not limited by any disk; reading is never delayed by the
// follower.
func Memory(opts Options) Log {
	opts = opts.withDefaults()
	return &memory{
		origin: notifier.ID{Epoch: newEpoch()},
		keys:   keys{window: opts.KeyWindow, max: maxKeys, known: map[string]claim{}},
		store:  store{opts: opts, tokens: map[string]*list{}},
	}
}

func (o Options) withDefaults() Options {
	o.MaxAge = cmp.Or(o.MaxAge, DefaultOptions.MaxAge)
	o.MaxEvents = cmp.Or(o.MaxEvents, DefaultOptions.MaxEvents)
	o.MaxBytes = cmp.Or(o.MaxBytes, DefaultOptions.MaxBytes)
	o.KeyWindow = cmp.Or(o.KeyWindow, DefaultOptions.KeyWindow)
	return o
}

func newEpoch() uint64 {
	var b [8]byte
	for {
		rand.Read(b[:]) // never fails
		if e := binary.LittleEndian.Uint64(b[:]) & notifier.MaxEpoch; e != 0 {
			return e
		}
	}
}

type memory struct {
	origin notifier.ID // position 0
	tell   func([]notifier.Delivery)

	// appending is held by one Append from the first id to the follower's return,
	// so that the follower sees batches in order. It is taken before mu. It guards
	// keys, and closed and seq change only under both.
	appending sync.Mutex
	keys      keys
	meter     meter

	mu     sync.Mutex
	closed bool
	seq    uint64
	store  store
}

var errClosed = fmt.Errorf("the journal is closed: %w", notifier.ErrUnavailable)

func (m *memory) Follow(tell func([]notifier.Delivery)) { m.tell = tell }

func (m *memory) Head() notifier.ID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.origin.At(m.seq)
}

func (m *memory) Close() error {
	m.appending.Lock()
	defer m.appending.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// refuse is why a call is not answered, nil if it is. One of the locks is held.
func (m *memory) refuse(ctx context.Context) error {
	if m.closed {
		return errClosed
	}
	return ctx.Err()
}

func (m *memory) Append(ctx context.Context, pubs []notifier.Publication) ([]notifier.Ack, error) {
	m.appending.Lock()
	defer m.appending.Unlock()
	if err := m.refuse(ctx); err != nil {
		return nil, err
	}
	now := time.Now()
	acks, batch := m.accept(pubs, now)
	m.keep(batch, now)
	if m.tell != nil && len(batch) > 0 {
		m.tell(batch)
	}
	return acks, nil
}

// accept gives an id to what is new among the publications and answers each.
func (m *memory) accept(pubs []notifier.Publication, now time.Time) ([]notifier.Ack, []notifier.Delivery) {
	acks := make([]notifier.Ack, len(pubs))
	batch := make([]notifier.Delivery, 0, len(pubs))
	m.keys.expire(now)
	for i := range pubs {
		p := &pubs[i]
		id := m.origin.At(m.seq + uint64(len(batch)) + 1)
		ack, isNew := m.keys.claim(p, id, now)
		acks[i] = ack
		if isNew {
			ev := notifier.Event{ID: id, Time: now, TTL: p.TTL, Name: p.Name, Data: p.Data}
			batch = append(batch, notifier.Delivery{Event: ev, Tokens: p.Tokens, All: p.All, Except: p.Except})
		}
	}
	return acks, batch
}

// keep makes a batch readable, all of it at once.
func (m *memory) keep(batch []notifier.Delivery, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range batch {
		m.store.add(&record{Delivery: d})
	}
	m.seq += uint64(len(batch))
	m.meter.dropped(m.store.trim(now))
	m.meter.batch(len(batch))
}

func (m *memory) Forget(ctx context.Context, token string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refuse(ctx); err != nil {
		return 0, err
	}
	m.meter.dropped(m.store.trim(time.Now()))
	return m.store.forget(token), nil
}
