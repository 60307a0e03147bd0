package journal

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"notifier"
)

// An entry is a publication made ready for the disk, all but its place and time.
type entry struct {
	pub    *notifier.Publication
	tokens []hash // that it stands under
	value  []byte // of each
	body   []byte // nil if it is in the value
	key    hash   // its idempotency key; allToken for none
	digest hash   // of what is published; only with a key
}

// entry prepares a publication. Hashing is most of what appending costs, so the
// publisher does it.
func (h *hasher) entry(p *notifier.Publication) *entry {
	e := &entry{pub: p, tokens: []hash{allToken}}
	head := head{ttl: p.TTL, size: len(p.Data)}
	if !p.All {
		e.tokens = h.tokens(p.Tokens)
	} else if p.Except != "" {
		head.except = h.token(p.Except)
	}
	if p.Key != "" {
		digest := p.Digest()
		e.key, e.digest = h.sum(ofKey, []byte(p.Key)), h.sum(ofBody, digest[:])
	}
	head.wide = len(e.tokens) > wideTokens
	room := make([]byte, 0, 64+len(p.Name)+len(p.Data))
	if head.wide {
		e.value, e.body = head.append(nil), appendBody(room, p)
	} else {
		e.value = appendBody(head.append(room), p)
	}
	return e
}

// size is how many bytes the entry adds to a round.
func (e *entry) size() int { return len(e.tokens)*(eventKeyLen+len(e.value)) + len(e.body) }

// A round is changes under way to the index: one batch, one fsync.
type round struct {
	x       *index
	batch   *pebble.Batch
	next    state // what readers see once the round is applied
	changed []*bucket
	claims  map[hash]claimed // of this round
	now     int64
	size    int64 // of the events
	alone   bool  // hardly anybody waits for the next

	tooOld, tooMuch uint64 // events dropped
}

// A claimed is what is known of an idempotency key.
type claimed struct {
	taken  int64
	seq    uint64
	digest hash
}

const claimedLen = 8 + 8 + len(hash{})

// begin begins a round. Only one may be under way.
func (x *index) begin(now time.Time) *round {
	r := &round{x: x, batch: x.db.NewBatch(), next: *x.state.Load(), now: now.UnixNano()}
	if x.opts.KeyWindow >= 0 && r.now-r.next.genOpened >= int64(x.opts.KeyWindow) {
		r.next.generation++
		r.next.genOpened = r.now
	}
	if s := &r.next; s.current().first <= s.last && x.full(s, r.now) {
		s.buckets = append(slices.Clone(s.buckets), bucket{
			number: s.current().number + 1, first: s.last + 1, opened: r.now,
		})
		over := &s.buckets[len(s.buckets)-2]
		over.closed, over.bytes, s.bytes = s.lastTime, s.bytes, 0
		r.changed = append(r.changed, over, s.current())
	}
	return r
}

// claim looks an idempotency key up.
func (r *round) claim(key hash) (claimed, bool, error) {
	if c, ok := r.claims[key]; ok {
		return c, true, nil
	}
	for back := range uint32(2) {
		v, closer, err := r.x.db.Get(claimKey(nil, r.next.generation-back, key))
		if errors.Is(err, pebble.ErrNotFound) {
			continue
		}
		if err != nil {
			return claimed{}, false, err
		}
		c, err := decodeClaimed(v)
		closer.Close()
		known := r.x.opts.KeyWindow < 0 || r.now-c.taken < int64(r.x.opts.KeyWindow)
		return c, known && err == nil, err
	}
	return claimed{}, false, nil
}

func decodeClaimed(v []byte) (c claimed, err error) {
	if len(v) != claimedLen {
		return c, errCorrupt
	}
	c.taken = int64(binary.BigEndian.Uint64(v))
	c.seq = binary.BigEndian.Uint64(v[8:])
	copy(c.digest[:], v[16:])
	return c, nil
}

// add gives the entry the next place in the log.
func (r *round) add(e *entry) uint64 {
	r.next.last++
	seq, b := r.next.last, r.next.current().number
	binary.BigEndian.PutUint64(e.value[headTime:], uint64(r.now))
	for _, token := range e.tokens {
		op := r.batch.SetDeferred(eventKeyLen, len(e.value))
		eventKey(op.Key[:0], b, token, seq)
		copy(op.Value, e.value)
		op.Finish()
		r.x.warm(token)
	}
	if e.body != nil {
		op := r.batch.SetDeferred(bodyKeyLen, len(e.body))
		bodyKey(op.Key[:0], b, seq)
		copy(op.Value, e.body)
		op.Finish()
	}
	if e.key != allToken {
		r.remember(e, seq)
	}
	r.size += int64(e.size())
	return seq
}

// deliver adds the entry and returns it as an event.
func (r *round) deliver(e *entry) notifier.Delivery {
	p := e.pub
	return notifier.Delivery{
		Event: notifier.Event{
			ID:   r.x.origin().At(r.add(e)),
			Time: time.Unix(0, r.now),
			TTL:  p.TTL,
			Name: p.Name,
			Data: p.Data,
		},
		Tokens: p.Tokens,
		All:    p.All,
		Except: p.Except,
	}
}

// remember keeps the entry's idempotency key.
func (r *round) remember(e *entry, seq uint64) {
	if r.claims == nil {
		r.claims = map[hash]claimed{}
	}
	r.claims[e.key] = claimed{taken: r.now, seq: seq, digest: e.digest}
	op := r.batch.SetDeferred(claimKeyLen, claimedLen)
	claimKey(op.Key[:0], r.next.generation, e.key)
	v := binary.BigEndian.AppendUint64(op.Value[:0], uint64(r.now))
	v = binary.BigEndian.AppendUint64(v, seq)
	copy(op.Value[len(v):], e.digest[:])
	op.Finish()
}

// apply makes the round durable and then readable. If it fails, it may be found
// applied or not when the index is opened again.
func (r *round) apply() error {
	defer r.batch.Close()
	if r.next.last > r.x.state.Load().last {
		r.next.lastTime = r.now
	}
	r.next.bytes += r.size
	dropped := r.retain()
	rolled := r.next.generation != r.x.state.Load().generation
	if r.batch.Empty() && len(r.changed) == 0 && len(dropped) == 0 && !rolled {
		return nil
	}
	r.next.round++
	if err := r.put(dropped); err != nil {
		return err
	}
	r.x.pace(int64(r.batch.Len()))
	start := time.Now()
	if err := r.x.wal.append(r.next.round, r.batch.Repr(), r.alone); err != nil {
		return err
	}
	r.x.meter.synced(time.Since(start))
	if err := r.x.db.Apply(r.batch, pebble.NoSync); err != nil {
		return err
	}
	r.x.state.Store(&r.next)
	r.x.meter.dropped(r.tooOld, r.tooMuch)
	if len(dropped) > 0 || rolled {
		r.x.sweepSoon()
	}
	return nil
}

// put adds what the round has changed beside the events.
func (r *round) put(dropped []bucket) error {
	if err := r.next.put(r.batch, r.changed...); err != nil {
		return err
	}
	for _, b := range dropped {
		if err := r.batch.Delete(bucketKey(b.number), nil); err != nil {
			return err
		}
	}
	return nil
}

// discard ends a round that is not applied.
func (r *round) discard() { r.batch.Close() }
