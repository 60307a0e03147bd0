package journal

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"time"

	"notifier"
)

// TestRecord: the garbage collector has nothing to follow in a record, and its size
// is what is counted.
func TestRecord(t *testing.T) {
	typ := reflect.TypeFor[record]()
	if typ.Size() != headBytes {
		t.Errorf("a record has %d bytes", typ.Size())
	}
	for i := range typ.NumField() {
		switch f := typ.Field(i); f.Type.Kind() {
		case reflect.Int64, reflect.Uint64, reflect.Uint32:
		default:
			t.Errorf("%s is a %v", f.Name, f.Type)
		}
	}
}

// about returns a publication with data that no other number has.
func about(token string, i, size int) notifier.Publication {
	p := to(token)
	p.Name = "number"
	p.Data = bytes.Repeat(fmt.Appendf(nil, "%d,", i), size)
	return p
}

func read(t *testing.T, m *memory, tokens ...string) []notifier.Event {
	t.Helper()
	page, err := m.Replay(t.Context(), notifier.Query{Tokens: tokens, Limit: 1 << 20, Bytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	return page.Events
}

// TestCompaction: what a hot token loses is given back although events of others
// stand between, and what readers were given stays what it was.
func TestCompaction(t *testing.T) {
	m := Memory(Options{MaxEvents: 10}).(*memory)
	s := &m.store.segments
	given := map[uint64]notifier.Event{}
	var quiet []string
	for i := range 300_000 {
		token := "hot"
		if i%500 == 0 {
			token = strconv.Itoa(i)
			quiet = append(quiet, token)
		}
		publish(t, m, about(token, i, 5))
		if i%5000 != 0 {
			continue
		}
		for _, ev := range read(t, m, append(quiet, "hot")...) {
			if cap(ev.Data) != len(ev.Data) {
				t.Fatalf("a reader may append to event %d and overwrite others", ev.ID.Seq)
			}
			given[ev.ID.Seq] = ev
		}
		checkStore(t, &m.store)
		used, live := 0, 0
		for _, g := range s.list {
			used += cap(g.records)*headBytes + cap(g.bytes)
			live += g.used() - g.dead
		}
		if used > 2*live+3*segmentBytes {
			t.Fatalf("%d bytes in %d segments for %d after %d events", used, len(s.list), live, i)
		}
	}
	for seq, ev := range given {
		i := int(seq) - 1
		if want := about("", i, 5); !bytes.Equal(ev.Data, want.Data) {
			t.Fatalf("event %d has become %q", seq, ev.Data)
		}
	}
	events := read(t, m, quiet...)
	if len(events) != len(quiet) {
		t.Errorf("%d events of %d tokens", len(events), len(quiet))
	}
	for n, ev := range events {
		want := about("", 500*n, 5)
		if ev.ID.Seq != uint64(500*n+1) || ev.Name != want.Name || !bytes.Equal(ev.Data, want.Data) || ev.TTL != time.Hour {
			t.Errorf("event %d of %d: %+v", n, len(events), ev)
		}
	}
}

// TestJoin: segments of which little is kept become few, in whatever order they
// lose the rest.
func TestJoin(t *testing.T) {
	const n, step = 10_000, 50
	for name, place := range map[string]func(i int) int{
		"oldest first": func(i int) int { return i },
		"newest first": func(i int) int { return n - i },
		"mixed":        func(i int) int { return i*7919%n + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			s := &segments{full: 4096}
			for seq := range uint64(n + 1) {
				s.add(record{seq: seq, readers: 1, data: 8}, fmt.Appendf(nil, "%8d", seq))
			}
			for i := range n {
				seq := uint64(place(i))
				if seq%step == 0 {
					continue
				}
				at, r := s.find(seq)
				r.readers = 0
				s.free(at, headBytes+r.length())
			}
			if err := s.check(); err != nil {
				t.Error(err)
			}
			if full := n / step * (headBytes + 8) / s.full; len(s.list) > 4*full {
				t.Errorf("%d segments for what %d would hold", len(s.list), full)
			}
			for seq := uint64(0); seq <= n; seq += step {
				at, r := s.find(seq)
				if ev := s.list[at].event(r, notifier.ID{}); ev.ID.Seq != seq || string(ev.Data) != fmt.Sprintf("%8d", seq) {
					t.Fatalf("event %d has become %d, %s", seq, ev.ID.Seq, ev.Data)
				}
			}
		})
	}
}

// TestLargeEvents: events that are larger than a segment stand alone, and give back
// their bytes as soon as they are gone.
func TestLargeEvents(t *testing.T) {
	m := Memory(Options{MaxEvents: 3}).(*memory)
	s := &m.store.segments
	for i := range 50 {
		publish(t, m, about("small", i, 100))
		publish(t, m, about("large", i, segmentBytes))
		checkStore(t, &m.store)
		alone := 0
		for _, g := range s.list {
			if g.used() > segmentBytes {
				alone++
			}
		}
		if want := min(i+1, 3); alone != want {
			t.Fatalf("%d large segments for %d large events", alone, want)
		}
	}
	for n, ev := range read(t, m, "large") {
		if want := about("", 47+n, segmentBytes); !bytes.Equal(ev.Data, want.Data) {
			t.Errorf("large event %d has become another", n)
		}
	}
	if n, err := m.Forget(t.Context(), "large"); n != 3 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	checkStore(t, &m.store)
	if m.store.bytes > 10_000 || len(read(t, m, "large")) != 0 {
		t.Errorf("%d bytes are kept of what was forgotten", m.store.bytes)
	}
	publish(t, m, to("small")) // the segment of the mark is not the last any more
	publish(t, m, about("other", 0, segmentBytes))
	checkStore(t, &m.store)
	for i, g := range s.list[:len(s.list)-1] {
		if len(g.bytes) > segmentBytes {
			t.Errorf("segment %d keeps %d bytes of what was forgotten", i, len(g.bytes))
		}
	}
}
