package journal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/bits"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"notifier"
)

// Stats is what a journal's directory holds.
type Stats struct {
	// Format is the version of the layout, Created when the journal was.
	Format  int
	Created time.Time
	// Head is the last event ever appended, Floor the last one of a dropped bucket.
	Head, Floor notifier.ID
	// Events and Tokens are how many are there, kept or not dropped yet.
	Events, Tokens int64
	// Oldest and Newest are the times of the first and the last event there, zero
	// if there is none.
	Oldest, Newest time.Time
	// Bytes is the size of the directory.
	Bytes int64
}

// Verify reads every key and value of a journal that no process has open and
// counts what is there. It calls problem for each that cannot be right, which is
// nothing after a crash; with problem nil it counts only. The error is for what
// cannot be read at all.
func Verify(dir string, problem func(string)) (Stats, error) {
	return verify(dir, vfs.Default, problem)
}

func verify(dir string, disk vfs.FS, problem func(string)) (stats Stats, err error) {
	x, done, err := openStopped(dir, disk)
	if err != nil {
		return Stats{}, err
	}
	defer func() { err = errors.Join(err, done()) }()
	if problem == nil {
		problem = func(string) {}
	}
	v := newVerifier(x, problem)
	if err := v.walk(); err != nil {
		return Stats{}, fmt.Errorf("the journal in %s: %w", dir, err)
	}
	return v.stats, nil
}

// openStopped opens a journal to be read only, and holds its lock.
func openStopped(dir string, disk vfs.FS) (*index, func() error, error) {
	if _, err := disk.Stat(dir); err != nil {
		return nil, nil, fmt.Errorf("the journal in %s: %w", dir, err)
	}
	lock, err := lockDir(dir, disk)
	if err != nil {
		return nil, nil, err
	}
	x := &index{
		dir: dir, disk: disk, size: defaultCache, log: slog.New(slog.DiscardHandler),
		opts: Options{MaxAge: -1, MaxEvents: -1, MaxBytes: -1, KeyWindow: -1},
	}
	if err = checkPebble(dir, disk); err == nil {
		err = x.openReadOnly()
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("opening the journal in %s: %w", dir, err), lock.Close())
	}
	return x, func() error { return errors.Join(x.swap(nil, nil, nil), lock.Close()) }, nil
}

// A verifier walks over all keys, which has the buckets come one after another and
// in each the bodies before the events.
type verifier struct {
	x       *index
	st      *state
	problem func(string)
	stats   Stats
	tokens  map[hash]struct{}
	seqs    bitmap // events seen
	bodies  bitmap // of wide events
}

func newVerifier(x *index, problem func(string)) *verifier {
	st := x.state.Load()
	base := st.buckets[0].first
	return &verifier{
		x: x, st: st, problem: problem,
		tokens: map[hash]struct{}{},
		seqs:   bitmap{base: base},
		bodies: bitmap{base: base},
		stats: Stats{
			Format:  int(x.identity.format),
			Created: time.Unix(0, x.identity.created),
			Head:    x.origin().At(st.last),
			Floor:   x.origin().At(base - 1),
		},
	}
}

func (v *verifier) walk() error {
	bytes, err := dirBytes(v.x.dir, v.x.disk)
	if err != nil {
		return err
	}
	it, err := v.x.view().NewIter(nil)
	if err != nil {
		return err
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if err := v.check(it.Key(), value); err != nil {
			v.problem(fmt.Sprintf("key %x: %v", it.Key(), err))
		}
	}
	v.stats.Bytes = bytes
	v.stats.Events, v.stats.Tokens = v.seqs.count(), int64(len(v.tokens))
	return it.Error()
}

// check looks at one key and value.
func (v *verifier) check(key, value []byte) error {
	switch {
	case isEventKey(key):
		return v.event(key, value)
	case len(key) == bodyKeyLen && key[0] == kindData && key[dataPrefix-1] == dataBody:
		return v.body(key, value)
	case len(key) == claimKeyLen && key[0] == kindKeys:
		c, err := decodeClaimed(value)
		if err == nil && c.seq > v.st.last {
			err = errors.New("an idempotency key of an event that never was")
		}
		return err
	case bytes.Equal(key, identityKey), bytes.Equal(key, stateKey):
		return nil // open has read them
	case len(key) == len(bucketKey(0)) && key[0] == kindBucket:
		_, err := decodeBucket(key, value)
		return err
	}
	return errors.New("no key of this format")
}

func (v *verifier) event(key, value []byte) error {
	if bucketOf(key) < v.st.buckets[0].number {
		return nil // dropped, and about to be swept
	}
	seq := seqOf(key)
	if seq == floorSeq {
		if floor := decodeFloor(value); floor == 0 || floor > v.st.last {
			return fmt.Errorf("a floor at %d", floor)
		}
		return nil
	}
	if err := v.place(key); err != nil {
		return err
	}
	head, body, err := decodeHead(value)
	if err != nil {
		return err
	}
	if head.wide && !v.bodies.has(seq) {
		return errors.New("a wide event without its body")
	}
	if !head.wide {
		if _, err := decodeEvent(v.x.origin().At(seq), head, body); err != nil {
			return err
		}
	}
	v.count(tokenOf(key), seq, time.Unix(0, head.time))
	return nil
}

func (v *verifier) count(token hash, seq uint64, at time.Time) {
	v.seqs.add(seq)
	if token != allToken {
		v.tokens[token] = struct{}{}
	}
	if v.stats.Oldest.IsZero() || at.Before(v.stats.Oldest) {
		v.stats.Oldest = at
	}
	if at.After(v.stats.Newest) {
		v.stats.Newest = at
	}
}

func (v *verifier) body(key, value []byte) error {
	if bucketOf(key) < v.st.buckets[0].number {
		return nil
	}
	if n, size := binary.Uvarint(value); size <= 0 || n > uint64(len(value)-size) {
		return errCorrupt
	}
	if err := v.place(key); err != nil {
		return err
	}
	v.bodies.add(seqOf(key))
	return nil
}

// place holds that an event is in the bucket of its number.
func (v *verifier) place(key []byte) error {
	seq := seqOf(key)
	if seq == 0 || seq > v.st.last {
		return fmt.Errorf("event %d, and the last one is %d", seq, v.st.last)
	}
	if b := v.st.from(seq - 1)[0]; b.number != bucketOf(key) {
		return fmt.Errorf("event %d belongs in bucket %d", seq, b.number)
	}
	return nil
}

// A bitmap is a set of sequence numbers from base on.
type bitmap struct {
	base uint64
	bits []uint64
}

func (m *bitmap) add(seq uint64) {
	if seq < m.base {
		return
	}
	i := seq - m.base
	for uint64(len(m.bits)) <= i/64 {
		m.bits = append(m.bits, 0)
	}
	m.bits[i/64] |= 1 << (i % 64)
}

func (m *bitmap) has(seq uint64) bool {
	i := seq - m.base
	return seq >= m.base && i/64 < uint64(len(m.bits)) && m.bits[i/64]>>(i%64)&1 == 1
}

func (m *bitmap) count() (n int64) {
	for _, b := range m.bits {
		n += int64(bits.OnesCount64(b))
	}
	return n
}

func dirBytes(dir string, disk vfs.FS) (total int64, err error) {
	names, err := disk.List(dir)
	for _, name := range names {
		info, err := disk.Stat(disk.PathJoin(dir, name))
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	return total, err
}

// An exported is a line of what Export writes.
type exported struct {
	ID    string          `json:"id"`
	Time  time.Time       `json:"time"`
	TTL   string          `json:"ttl"`
	Event string          `json:"event,omitempty"`
	Data  json.RawMessage `json:"data"`
}

// Export writes the events that a journal which no process has open holds for a
// token, those for all among them, as one line of JSON each, oldest first. Events
// whose ttl is over are among them until the disk forgets them.
func Export(ctx context.Context, dir, token string, w io.Writer) error {
	x, done, err := openStopped(dir, vfs.Default)
	if err != nil {
		return err
	}
	err = x.export(ctx, token, w)
	return errors.Join(err, done())
}

func (x *index) export(ctx context.Context, token string, w io.Writer) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	q := notifier.Query{Tokens: []string{token}}
	for {
		page, err := x.replay(q)
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		for _, ev := range page.Events {
			line := exported{ev.ID.String(), ev.Time.UTC(), ev.TTL.String(), ev.Name, ev.Data}
			if err := lines.Encode(line); err != nil {
				return err
			}
		}
		if !page.More {
			return nil
		}
		q.After = page.Next
	}
}
