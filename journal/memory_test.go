package journal

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"notifier"
)

// publish appends one publication.
func publish(t testing.TB, m *memory, p notifier.Publication) {
	t.Helper()
	acks, err := m.Append(context.Background(), []notifier.Publication{p})
	if err != nil || acks[0].Err != nil {
		t.Fatalf("Append: %+v, %v", acks, err)
	}
}

func to(token string) notifier.Publication {
	return notifier.Publication{Tokens: []string{token}, Data: []byte(`{"entityType":"like","data":{}}`), TTL: time.Hour}
}

// records is how many events and marks are kept.
func records(s *store) (n int) {
	for _, g := range s.segments.list {
		for i := range g.records {
			if !g.records[i].gone() {
				n++
			}
		}
	}
	return n
}

func checkStore(t *testing.T, s *store) {
	t.Helper()
	if err := s.check(); err != nil {
		t.Error(err)
	}
}

func TestDefaults(t *testing.T) {
	if opts := Memory(Options{}).(*memory).store.opts; opts != DefaultOptions {
		t.Errorf("%+v", opts)
	}
}

// TestHotToken: one token, and the events for all, take what their bound allows.
func TestHotToken(t *testing.T) {
	for _, p := range []notifier.Publication{to("hot"), {All: true, TTL: time.Hour}, {Tokens: []string{"hot"}}} {
		m := Memory(Options{MaxEvents: 100}).(*memory)
		for range 200_000 {
			publish(t, m, p)
		}
		if n := records(&m.store); n != 100 {
			t.Errorf("%d records are kept", n)
		}
		checkStore(t, &m.store)
	}
}

// TestManyTokens: any number of tokens with one event each take what the bound on
// bytes allows.
func TestManyTokens(t *testing.T) {
	const bound = 1 << 20
	m := Memory(Options{MaxBytes: bound}).(*memory)
	for i := range 200_000 {
		publish(t, m, to(strconv.Itoa(i)))
	}
	if n := len(m.store.tokens); n > bound/(recordBytes+refBytes+listBytes) || n != records(&m.store) {
		t.Errorf("%d tokens, %d records are kept", n, records(&m.store))
	}
	checkStore(t, &m.store)
}

// TestForgottenTokens: what remains of tokens that were forgotten is bounded like
// events, and goes as they do.
func TestForgottenTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := Memory(Options{MaxBytes: 1 << 20, MaxAge: time.Hour}).(*memory)
		for i := range 20_000 {
			token := strconv.Itoa(i)
			for range 3 { // also the same one, again and again
				publish(t, m, to(token))
				if n, err := m.Forget(t.Context(), token); n != 1 || err != nil {
					t.Fatalf("forgot %d, %v", n, err)
				}
			}
		}
		if n := len(m.store.tokens); n > 1<<20/(recordBytes+refBytes+listBytes) || n != records(&m.store) {
			t.Errorf("%d tokens, %d records are kept", n, records(&m.store))
		}
		checkStore(t, &m.store)
		time.Sleep(time.Hour)
		if _, err := m.Replay(t.Context(), notifier.Query{}); err != nil {
			t.Fatal(err)
		}
		if len(m.store.tokens) != 0 || records(&m.store) != 0 || m.store.bytes != 0 {
			t.Errorf("%d tokens and %d bytes are kept of nothing", len(m.store.tokens), m.store.bytes)
		}
	})
}

// TestBurst: a token that was busy once does not keep the memory of it.
func TestBurst(t *testing.T) {
	m := Memory(Options{MaxBytes: 200_000}).(*memory)
	for range 1000 {
		publish(t, m, to("burst"))
	}
	publish(t, m, to("burst"))
	for range 5000 {
		publish(t, m, to("other"))
		checkStore(t, &m.store)
	}
}

// TestNobody: a publication for no token at all is an event that nobody reads.
func TestNobody(t *testing.T) {
	m := Memory(Options{MaxBytes: 1}).(*memory)
	publish(t, m, notifier.Publication{})
	publish(t, m, to("1"))
	if m.Head().Seq != 2 || records(&m.store) != 0 {
		t.Errorf("the head is %v, %d records are kept", m.Head(), records(&m.store))
	}
}

// TestKeys: keys are forgotten after their window, and before if there are too
// many.
func TestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := Memory(Options{KeyWindow: time.Minute}).(*memory)
		m.keys.max = 10
		for i := range 100 {
			p := to("1")
			p.Key = strconv.Itoa(i)
			publish(t, m, p)
			if len(m.keys.known) > 11 || len(m.keys.known) != len(m.keys.order) {
				t.Fatalf("%d keys, %d in order", len(m.keys.known), len(m.keys.order))
			}
		}
		time.Sleep(time.Minute)
		publish(t, m, to("1"))
		if len(m.keys.known) != 0 {
			t.Errorf("%d keys are known after their window", len(m.keys.known))
		}
	})
}

// TestAppendAllocs: appending to a full list allocates the acks and, once in a while,
// a segment. More would mean that it looks at what is in the list.
func TestAppendAllocs(t *testing.T) {
	m := Memory(Options{}).(*memory)
	pubs := []notifier.Publication{to("1")}
	pubs[0].TTL = 0
	one := func() {
		if _, err := m.Append(t.Context(), pubs); err != nil {
			t.Fatal(err)
		}
	}
	for range 5000 {
		one()
	}
	if n := testing.AllocsPerRun(5000, one); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// TestAppendKeepsNothing: what a publisher has sent is copied, not held on to.
func TestAppendKeepsNothing(t *testing.T) {
	m := Memory(Options{}).(*memory)
	if _, err := m.Append(t.Context(), []notifier.Publication{to("1"), to("2")}); err != nil {
		t.Fatal(err)
	}
	for _, d := range m.batch[:cap(m.batch)] {
		if d.Tokens != nil || d.Event.Data != nil {
			t.Errorf("%+v", d)
		}
	}
}

// TestBytes holds what a record is taken to cost against what it does cost.
func TestBytes(t *testing.T) {
	for name, publication := range map[string]func(i int) notifier.Publication{
		"one token":   func(int) notifier.Publication { return to("1") },
		"own token":   func(i int) notifier.Publication { return to("token " + strconv.Itoa(i)) },
		"part token":  func(i int) notifier.Publication { return to((strconv.Itoa(i) + strings.Repeat(" ", 5000))[:5]) },
		"many tokens": func(i int) notifier.Publication { return notifier.Publication{Tokens: tokens(i, 20)} },
		"all":         func(int) notifier.Publication { return notifier.Publication{All: true, Data: make([]byte, 1000)} },
	} {
		t.Run(name, func(t *testing.T) {
			m := Memory(Options{MaxEvents: -1, MaxBytes: -1}).(*memory)
			before := heap()
			for i := range 20_000 {
				p := publication(i)
				p.Data = append([]byte(nil), p.Data...)
				publish(t, m, p)
			}
			used := heap() - before
			if counted := m.store.bytes; used > counted || used < counted/4 {
				t.Errorf("%d bytes are used, %d counted", used, counted)
			}
			runtime.KeepAlive(m)
		})
	}
}

func tokens(i, n int) (tokens []string) {
	for j := range n {
		tokens = append(tokens, "token "+strconv.Itoa(i+j))
	}
	return tokens
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
