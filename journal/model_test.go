package journal

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"notifier"
)

// A model is a log that keeps every event in one slice, dropped ones too, and
// finds every answer by looking at all of them. It is what Memory should do,
// without a thought for how.
type model struct {
	opts   Options
	origin notifier.ID
	events []*modelEvent
	head   uint64
	floor  uint64            // of the log
	floors map[string]uint64 // of the lists
	keys   []modelKey
}

// forAll names the list of the events for all. No token is empty.
const forAll = ""

type modelEvent struct {
	notifier.Delivery
	lists []string // that have it
	marks []string // those of them that have forgotten it: seen by the bounds, not by readers
}

// read reports whether any list's readers get the event.
func (ev *modelEvent) read() bool { return len(ev.lists) > len(ev.marks) }

type modelKey struct {
	key    string
	id     notifier.ID
	digest [32]byte
	taken  time.Time
}

func (m *model) append(pubs []notifier.Publication) (acks []notifier.Ack) {
	now := time.Now()
	for i := range pubs {
		ack, known := m.known(&pubs[i], now)
		if !known {
			ack = notifier.Ack{ID: m.add(&pubs[i], now)}
		}
		acks = append(acks, ack)
	}
	m.trim(now)
	return acks
}

// known answers a publication whose key was taken within the window.
func (m *model) known(p *notifier.Publication, now time.Time) (notifier.Ack, bool) {
	for _, k := range m.keys {
		switch {
		case p.Key == "" || k.key != p.Key || m.opts.KeyWindow >= 0 && now.Sub(k.taken) >= m.opts.KeyWindow:
		case k.digest != p.Digest():
			return notifier.Ack{Err: notifier.ErrConflict}, true
		default:
			return notifier.Ack{ID: k.id, Duplicate: true}, true
		}
	}
	return notifier.Ack{}, false
}

func (m *model) add(p *notifier.Publication, now time.Time) notifier.ID {
	m.head++
	id := m.origin.At(m.head)
	m.keys = append(m.keys, modelKey{p.Key, id, p.Digest(), now})
	ev := &modelEvent{}
	ev.Event = notifier.Event{ID: id, Time: now, TTL: p.TTL, Name: p.Name, Data: p.Data}
	ev.Tokens, ev.All, ev.Except = p.Tokens, p.All, p.Except
	m.events = append(m.events, ev)
	lists := p.Tokens
	if p.All {
		lists = []string{forAll}
	}
	for _, list := range lists {
		ev.lists = append(ev.lists, list)
		m.boundEvents(list, now)
	}
	return id
}

// boundEvents holds MaxEvents for one list.
func (m *model) boundEvents(list string, now time.Time) {
	in := m.in(list)
	if m.opts.MaxEvents < 0 || len(in) <= m.opts.MaxEvents {
		return
	}
	dropped := false
	for _, ev := range in {
		if now.Sub(ev.Event.Time) >= ev.Event.TTL+time.Minute {
			ev.leave(list)
			dropped = true
		}
	}
	if !dropped {
		in[0].leave(list)
		m.floors[list] = in[0].Event.ID.Seq
	}
}

func (m *model) in(list string) (in []*modelEvent) {
	for _, ev := range m.events {
		if slices.Contains(ev.lists, list) {
			in = append(in, ev)
		}
	}
	return in
}

func (ev *modelEvent) leave(list string) {
	ev.lists = slices.DeleteFunc(ev.lists, func(l string) bool { return l == list })
	ev.marks = slices.DeleteFunc(ev.marks, func(l string) bool { return l == list })
}

// trim holds the bounds of age and bytes.
func (m *model) trim(now time.Time) {
	for _, ev := range m.events {
		if len(ev.lists) == 0 {
			continue
		}
		old := m.opts.MaxAge >= 0 && now.Sub(ev.Event.Time) >= m.opts.MaxAge
		if old || m.opts.MaxBytes >= 0 && m.bytes() > m.opts.MaxBytes {
			ev.lists, ev.marks = nil, nil
			m.floor = max(m.floor, ev.Event.ID.Seq)
		}
	}
}

func (m *model) bytes() (n int64) {
	lists := map[string]bool{forAll: true}
	for _, ev := range m.events {
		if len(ev.lists) == 0 {
			continue
		}
		for _, list := range ev.lists {
			if !lists[list] {
				lists[list] = true
				n += listSize(len(list))
			}
		}
		d := ev.Delivery
		if !ev.read() {
			d.Event.Name, d.Event.Data = "", nil
		}
		r, _ := encode(nil, &d)
		n += r.size()
	}
	return n
}

func (m *model) forget(token string) (n int) {
	m.trim(time.Now())
	in := m.in(token)
	for _, ev := range in {
		if !slices.Contains(ev.marks, token) {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	for _, ev := range in {
		ev.leave(token)
	}
	last := in[len(in)-1]
	last.lists, last.marks = append(last.lists, token), append(last.marks, token)
	m.floors[token] = last.Event.ID.Seq
	return n
}

func (m *model) replay(q notifier.Query) notifier.Page {
	now := time.Now()
	m.trim(now)
	head, floor := m.origin.At(m.head), max(m.floor, m.floors[forAll])
	for _, token := range q.Tokens {
		floor = max(floor, m.floors[token])
	}
	page := notifier.Page{Start: q.After, Next: head}
	from := q.After.Seq
	switch {
	case q.After.IsZero():
	case q.After.Epoch != head.Epoch:
		page.Gap, page.Start, from = notifier.GapUnknown, m.origin.At(floor), 0
	case q.After.Seq > head.Seq:
		page.Gap, page.Start = notifier.GapUnknown, head
	case q.After.Seq < floor:
		page.Gap, page.Start = notifier.GapExpired, m.origin.At(floor)
	}
	all := m.matching(q, now)
	if page.Gap != notifier.GapNone {
		since := q.Since
		q.Since = time.Time{}
		if kept := m.matching(q, now); len(kept) > 0 {
			page.Oldest = kept[0].ID
		}
		q.Since = since
	}
	bytes := 0
	for _, ev := range all {
		if ev.ID.Seq <= from {
			continue
		}
		n := len(page.Events)
		bytes += len(ev.Data)
		if n > 0 && (n == cmp.Or(q.Limit, pageEvents) || bytes > cmp.Or(q.Bytes, pageBytes)) {
			page.More, page.Next = true, page.Events[n-1].ID
			break
		}
		page.Events = append(page.Events, ev)
	}
	return page
}

// matching are all events kept for a query, whatever its position.
func (m *model) matching(q notifier.Query, now time.Time) (events []notifier.Event) {
	for _, ev := range m.events {
		kept := slices.Contains(ev.lists, forAll)
		for _, token := range q.Tokens {
			kept = kept || slices.Contains(ev.lists, token) && !slices.Contains(ev.marks, token)
		}
		excepted := ev.Except != "" && slices.Contains(q.Tokens, ev.Except)
		over := now.Sub(ev.Event.Time) >= ev.Event.TTL && ev.Event.ID.Seq <= q.Live
		if kept && !excepted && !over && !ev.Event.Time.Before(q.Since) {
			events = append(events, ev.Event)
		}
	}
	return events
}

// FuzzModel does the same to Memory and to the model, and compares every answer.
func FuzzModel(f *testing.F) {
	for seed := range uint64(200) {
		random := rand.NewPCG(seed, 0)
		script := make([]byte, 600)
		for i := range script {
			script[i] = byte(random.Uint64())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		synctest.Test(t, func(t *testing.T) { newDuel(t, script).run() })
	})
}

// A duel is Memory and the model under one script, whose bytes say what happens.
type duel struct {
	*testing.T
	script []byte
	memory *memory
	model  *model
	told   []notifier.Delivery
	pos    notifier.ID // where the last page ended or its gap starts
}

func newDuel(t *testing.T, script []byte) *duel {
	d := &duel{T: t, script: script[:min(len(script), 600)]}
	opts := Options{
		MaxAge:    []time.Duration{-1, 90 * time.Second, time.Hour}[d.byte()%3],
		MaxEvents: []int{-1, 1, 2, 3, 8}[d.byte()%5],
		MaxBytes:  []int64{-1, 400, 1000, 4000}[d.byte()%4],
		KeyWindow: []time.Duration{-1, 30 * time.Second, 10 * time.Minute}[d.byte()%3],
	}
	d.memory = Memory(opts).(*memory)
	d.memory.store.segments.full = 1000 // so that there are several
	d.memory.Follow(func(batch []notifier.Delivery) { d.told = append(d.told, batch...) })
	d.model = &model{opts: opts, origin: d.memory.origin, floors: map[string]uint64{}}
	return d
}

// byte takes the next byte of the script, 0 after its end.
func (d *duel) byte() int {
	if len(d.script) == 0 {
		return 0
	}
	b := d.script[0]
	d.script = d.script[1:]
	return int(b)
}

func (d *duel) run() {
	for len(d.script) > 0 {
		switch d.byte() % 8 {
		case 0, 1, 2:
			d.append()
		case 3, 4, 5:
			d.replay(d.query())
		case 6:
			d.forget()
		case 7:
			time.Sleep([]time.Duration{time.Second, 20 * time.Second, time.Minute, time.Hour}[d.byte()%4])
		}
		d.checkMemory()
	}
	d.checkTold()
}

func (d *duel) append() {
	var pubs []notifier.Publication
	for range 1 + d.byte()%4 {
		pubs = append(pubs, d.publication())
	}
	want := d.model.append(pubs)
	got, err := d.memory.Append(context.Background(), pubs)
	if err != nil || !slices.Equal(got, want) {
		d.Fatalf("append %+v\n got %v, %v\nwant %v", pubs, got, err, want)
	}
	if head := d.memory.Head(); head != d.model.origin.At(d.model.head) {
		d.Fatalf("the head is %v, want %d", head, d.model.head)
	}
}

// tokens are the bits of a byte.
func (d *duel) tokens() (tokens []string) {
	b := d.byte()
	for i := range 4 {
		if b>>i&1 == 1 {
			tokens = append(tokens, string(rune('a'+i)))
		}
	}
	return tokens
}

func (d *duel) publication() notifier.Publication {
	p := notifier.Publication{Tokens: d.tokens(), Data: make([]byte, d.byte()%100)}
	if len(p.Tokens) == 0 {
		p.All = true
		p.Except = []string{"", "a", "b"}[d.byte()%3]
	}
	p.TTL = []time.Duration{0, time.Second, time.Minute, time.Hour, 1000 * time.Hour}[d.byte()%5]
	p.Key = []string{"", "", "", "k", "l"}[d.byte()%5]
	return p
}

func (d *duel) query() notifier.Query {
	q := notifier.Query{Tokens: d.tokens()}
	near := d.model.origin.At(uint64(d.byte()) % (d.model.head + 3))
	switch d.byte() % 4 {
	case 0:
		q.After = near
	case 1:
		q.After = d.pos
	case 2:
		q.After = notifier.ID{Epoch: near.Epoch ^ 1, Seq: near.Seq}
	}
	if ago := d.byte(); ago%4 == 0 {
		q.Since = time.Now().Add(-time.Duration(ago) * time.Second)
	}
	q.Live = uint64(d.byte()) % (d.model.head + 1)
	q.Limit, q.Bytes = d.byte()%5, d.byte()%4*60
	return q
}

// replay compares a page, and then all the pages after it with one big one.
func (d *duel) replay(q notifier.Query) {
	page := d.compare(q)
	d.pos = page.Next
	if page.Gap != notifier.GapNone {
		d.pos = page.Start
		if again := d.compare(notifier.Query{Tokens: q.Tokens, After: page.Start}); again.Gap != notifier.GapNone {
			d.Fatalf("%+v: a gap that starts at %v, and there another", q, page.Start)
		}
	}
	whole := q
	whole.Limit, whole.Bytes = 1<<30, 1<<30
	all := d.compare(whole).Events
	events := page.Events
	for page.More {
		q.After = page.Next
		page = d.compare(q)
		events = append(events, page.Events...)
	}
	if !slices.EqualFunc(events, all, sameEvent) {
		d.Fatalf("%+v: pages of %d events, one page of %d", q, len(events), len(all))
	}
}

func (d *duel) compare(q notifier.Query) notifier.Page {
	want := d.model.replay(q)
	got, err := d.memory.Replay(context.Background(), q)
	if err != nil || !samePage(got, want) {
		d.Fatalf("replay %+v\n got %s, %v\nwant %s", q, show(got), err, show(want))
	}
	return got
}

func samePage(a, b notifier.Page) bool {
	return a.Gap == b.Gap && a.Start == b.Start && a.Oldest == b.Oldest && a.Next == b.Next &&
		a.More == b.More && slices.EqualFunc(a.Events, b.Events, sameEvent)
}

func sameEvent(a, b notifier.Event) bool {
	return a.ID == b.ID && a.Time.Equal(b.Time) && a.TTL == b.TTL && a.Name == b.Name && string(a.Data) == string(b.Data)
}

func show(p notifier.Page) string {
	var seqs []uint64
	for _, ev := range p.Events {
		seqs = append(seqs, ev.ID.Seq)
	}
	return fmt.Sprintf("events %d gap %q start %v oldest %v next %v more %v", seqs, p.Gap, p.Start, p.Oldest, p.Next, p.More)
}

func (d *duel) forget() {
	token := string(rune('a' + d.byte()%4))
	want := d.model.forget(token)
	if got, err := d.memory.Forget(context.Background(), token); err != nil || got != want {
		d.Fatalf("forget %s: %d, %v, want %d", token, got, err, want)
	}
}

// checkTold compares what the follower heard with every event there was.
func (d *duel) checkTold() {
	var want []notifier.ID
	for _, ev := range d.model.events {
		want = append(want, ev.Event.ID)
	}
	if !slices.EqualFunc(d.told, want, func(a notifier.Delivery, b notifier.ID) bool { return a.Event.ID == b }) {
		d.Fatalf("told of %d events of %d", len(d.told), len(want))
	}
}

func (d *duel) checkMemory() {
	d.Helper()
	if err := d.memory.store.check(); err != nil {
		d.Fatal(err)
	}
}

// check holds what is true of a store between calls.
func (s *store) check() error {
	kept := map[uint64]record{}
	var bytes int64
	var events uint64
	for _, g := range s.segments.list {
		if err := g.check(kept); err != nil {
			return err
		}
	}
	for seq, r := range kept {
		if seq <= s.floor {
			return fmt.Errorf("record %d is below the floor, %d", seq, s.floor)
		}
		bytes += r.size()
		if r.readers > 0 {
			events++
		}
	}
	for token := range s.tokens {
		bytes += listSize(len(token))
	}
	if bytes != s.bytes || events != s.events {
		return fmt.Errorf("%d events and %d bytes are kept, counted as %d and %d", events, bytes, s.events, s.bytes)
	}
	for token, l := range s.tokens {
		if l.len() == 0 {
			return fmt.Errorf("token %q has an empty list", token)
		}
		if s.opts.MaxEvents >= 0 && l.len() > s.opts.MaxEvents {
			return fmt.Errorf("token %q has %d records", token, l.len())
		}
	}
	for _, l := range append(slices.Collect(maps.Values(s.tokens)), &s.all) {
		if err := l.check(kept); err != nil {
			return err
		}
	}
	for seq, r := range kept {
		if !r.gone() {
			return fmt.Errorf("record %d counts %d readers and %d marks too many", seq, r.readers, r.marks)
		}
	}
	return s.segments.check()
}

// check holds what is true of a segment, and adds what is kept to that of the
// segments before it.
func (g *segment) check(kept map[uint64]record) error {
	live, last := 0, g.first
	for i := range g.records {
		r := &g.records[i]
		if r.seq < last || i > 0 && r.seq == last || i == 0 && r.seq != g.first {
			return fmt.Errorf("record %d is after %d", r.seq, last)
		}
		last = r.seq
		if r.gone() {
			continue
		}
		if _, again := kept[r.seq]; again || g.find(r.seq) != r {
			return fmt.Errorf("record %d is not found, or twice", r.seq)
		}
		kept[r.seq] = *r
		live += headBytes + r.length()
	}
	if live == 0 || live != g.used()-g.dead {
		return fmt.Errorf("a segment from %d has %d of %d bytes in use, %d are dead", g.first, live, g.used(), g.dead)
	}
	return nil
}

// check holds what is true of how segments follow each other.
func (s *segments) check() error {
	for i, g := range s.list {
		if i > 0 && g.first <= s.list[i-1].records[len(s.list[i-1].records)-1].seq {
			return fmt.Errorf("segment %d begins in the one before", i)
		}
		if i > 0 && i < len(s.list)-1 && 2*g.dead > g.used() {
			return fmt.Errorf("segment %d of %d is mostly dead: %d of %d bytes", i, len(s.list), g.dead, g.used())
		}
		if g.used() > s.full && len(g.records) > 1 {
			return fmt.Errorf("segment %d has %d records, %d bytes", i, len(g.records), g.used())
		}
	}
	return nil
}

// check holds what is true of a list, and counts off the records that it has.
func (l *list) check(kept map[uint64]record) error {
	if cap(l.seqs) > 4*l.len()+4 {
		return fmt.Errorf("%d records in an array of %d", l.len(), cap(l.seqs))
	}
	for i, seq := range l.seqs[l.head:] {
		r, known := kept[seq]
		if !known {
			return fmt.Errorf("record %d is in a list and not in the store", seq)
		}
		if r.worthless().Before(l.worthless) || seq < l.floor || i > 0 && seq <= l.seqs[l.head+i-1] {
			return fmt.Errorf("record %d is in a wrong place", seq)
		}
		if l.marked(seq) {
			r.marks--
		} else {
			r.readers--
		}
		kept[seq] = r
	}
	return nil
}
