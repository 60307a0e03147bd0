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
	m := &memory{
		opts:   opts.withDefaults(),
		origin: notifier.ID{Epoch: newEpoch()},
		tokens: map[string]*list{},
		keys:   newKeys(opts.withDefaults().KeyWindow),
	}
	m.all = &list{}
	return m
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
	opts   Options
	origin notifier.ID // position 0
	tell   func([]notifier.Delivery)

	// appending is held by one Append from the first id to the follower's return,
	// so that the follower sees batches in order. It is taken before mu.
	appending sync.Mutex

	mu     sync.Mutex
	closed bool
	seq    uint64
	tokens map[string]*list // those with events, or with a floor above the log's
	all    *list
	oldest *record // the kept events in id order
	newest *record
	bytes  int64
	floor  uint64 // events up to here may have been dropped, whatever their tokens
	forgot []tombstone
	keys   *keys
}

// A tombstone is an empty list whose floor is still above the log's.
type tombstone struct {
	token string
	floor uint64
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

func (m *memory) Append(ctx context.Context, pubs []notifier.Publication) ([]notifier.Ack, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.appending.Lock()
	defer m.appending.Unlock()
	acks := make([]notifier.Ack, len(pubs))
	batch, err := m.take(pubs, acks)
	if err != nil {
		return nil, err
	}
	if m.tell != nil && len(batch) > 0 {
		m.tell(batch)
	}
	return acks, nil
}

// take stores what is new among the publications and answers each.
func (m *memory) take(pubs []notifier.Publication, acks []notifier.Ack) ([]notifier.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	now := time.Now()
	batch := make([]notifier.Delivery, 0, len(pubs))
	for i := range pubs {
		p := &pubs[i]
		id := m.origin.At(m.seq + 1)
		if p.Key != "" {
			if acks[i] = m.keys.claim(p, id, now); acks[i] != (notifier.Ack{ID: id}) {
				continue
			}
		}
		acks[i].ID = id
		m.seq++
		ev := notifier.Event{ID: id, Time: now, TTL: p.TTL, Name: p.Name, Data: p.Data}
		m.store(&record{event: ev, tokens: p.Tokens, except: p.Except}, p.All)
		batch = append(batch, notifier.Delivery{Event: ev, Tokens: p.Tokens, All: p.All, Except: p.Except})
	}
	m.trim(now)
	return batch, nil
}

// store adds a record to the log and to the lists of its tokens.
func (m *memory) store(r *record, all bool) {
	short := m.opts.MaxAge < 0 || r.event.TTL < m.opts.MaxAge
	r.prev = m.newest
	if r.prev != nil {
		r.prev.next = r
	} else {
		m.oldest = r
	}
	m.newest = r
	m.bytes += r.size()
	if all {
		r.refs = 1
		m.push(m.all, r, short)
		return
	}
	r.refs = len(r.tokens)
	for _, token := range r.tokens {
		l := m.tokens[token]
		if l == nil {
			l = &list{}
			m.tokens[token] = l
		}
		m.push(l, r, short)
	}
}

// push appends a record to a list and holds the list's bound.
func (m *memory) push(l *list, r *record, short bool) {
	l.push(r)
	if short {
		l.short++
	}
	if m.opts.MaxEvents < 0 || l.len() <= m.opts.MaxEvents {
		return
	}
	if l.short > 0 && m.dropWorthless(l, r.event.Time) {
		return
	}
	m.release(l.shift(m.opts.MaxAge))
}

// worthless is how long after it has expired an event may still be needed: by a
// stream that was open when it was published and is slow.
const worthless = time.Minute

// dropWorthless makes room in a list that is full of events that nobody will read,
// so that they push out none that are kept.
func (m *memory) dropWorthless(l *list, now time.Time) bool {
	dropped := l.filter(func(r *record) bool {
		return !r.event.Expired(now.Add(-worthless))
	})
	for _, r := range dropped {
		m.release(r)
	}
	l.short -= len(dropped)
	return len(dropped) > 0
}

// trim holds the bounds of age and bytes.
func (m *memory) trim(now time.Time) {
	for r := m.oldest; r != nil; r = m.oldest {
		old := m.opts.MaxAge >= 0 && now.Sub(r.event.Time) >= m.opts.MaxAge
		if !old && (m.opts.MaxBytes < 0 || m.bytes <= m.opts.MaxBytes) {
			break
		}
		m.drop(r)
	}
	for len(m.forgot) > 0 && m.forgot[0].floor <= m.floor {
		t := m.forgot[0]
		m.forgot = m.forgot[1:]
		if l := m.tokens[t.token]; l != nil && l.len() == 0 {
			delete(m.tokens, t.token)
		}
	}
}

// drop takes the oldest record out of every list that still has it.
func (m *memory) drop(r *record) {
	m.floor = r.event.ID.Seq
	if m.all.first() == r {
		m.release(m.all.shift(m.opts.MaxAge))
		return
	}
	for _, token := range r.tokens {
		l := m.tokens[token]
		if l == nil || l.first() != r {
			continue
		}
		m.release(l.shift(m.opts.MaxAge))
		if l.len() == 0 && l.floor <= m.floor {
			delete(m.tokens, token)
		}
	}
}

// release gives up one reference to a record; without any it leaves the log.
func (m *memory) release(r *record) {
	if r.refs--; r.refs > 0 {
		return
	}
	m.bytes -= r.size()
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		m.oldest = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		m.newest = r.prev
	}
	r.prev, r.next = nil, nil
}

func (m *memory) Forget(ctx context.Context, token string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, errClosed
	}
	m.trim(time.Now())
	l := m.tokens[token]
	if l == nil {
		return 0, nil
	}
	n := l.len()
	for l.len() > 0 {
		l.floor = l.first().event.ID.Seq
		m.release(l.shift(m.opts.MaxAge))
	}
	if n > 0 {
		m.forgot = append(m.forgot, tombstone{token, l.floor})
	}
	return n, nil
}
