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
	origin := notifier.ID{Epoch: newEpoch()}
	return &memory{
		origin: origin,
		keys:   keys{window: opts.KeyWindow, max: maxKeys, known: map[string]claim{}},
		store:  store{opts: opts, origin: origin, tokens: map[string]*list{}, segments: segments{full: segmentBytes}},
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
	// keys and batch, and closed and seq change only under both.
	appending sync.Mutex
	keys      keys
	batch     []notifier.Delivery // of one Append after the other
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
	acks := m.accept(pubs, now)
	m.keep(now)
	if m.tell != nil && len(m.batch) > 0 {
		m.tell(m.batch)
	}
	clear(m.batch) // holds on to nothing of a publication
	return acks, nil
}

// accept answers each publication. What is new among them gets an id and goes into
// the batch.
func (m *memory) accept(pubs []notifier.Publication, now time.Time) []notifier.Ack {
	acks := make([]notifier.Ack, len(pubs))
	m.batch = m.batch[:0]
	m.keys.expire(now)
	for i := range pubs {
		p := &pubs[i]
		id := m.origin.At(m.seq + uint64(len(m.batch)) + 1)
		ack, isNew := m.keys.claim(p, id, now)
		acks[i] = ack
		if isNew {
			ev := notifier.Event{ID: id, Time: now, TTL: p.TTL, Name: p.Name, Data: p.Data}
			m.batch = append(m.batch, notifier.Delivery{Event: ev, Tokens: p.Tokens, All: p.All, Except: p.Except})
		}
	}
	return acks
}

// keep makes the batch readable, all of it at once.
func (m *memory) keep(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.batch {
		m.store.add(&m.batch[i])
	}
	m.seq += uint64(len(m.batch))
	m.meter.dropped(m.store.trim(now))
	m.meter.batch(len(m.batch))
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
