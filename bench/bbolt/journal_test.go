package bbolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"notifier"
	"notifier/journal"
)

// callers append at once.
const callers = 64

// TestAppend holds that what is measured keeps every event, under its token and in
// order, also when the file is opened again.
func TestAppend(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events")
	j := open(t, file, callers)
	const each = 5
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			last := uint64(0)
			for range each {
				seq, err := j.Append(publication(user(c)))
				if err != nil || seq <= last {
					t.Errorf("event %d after %d, %v", seq, last, err)
				}
				last = seq
			}
		})
	}
	all.Wait()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	seen := kept(t, open(t, file, callers))
	for c := range callers {
		if got := seen[string(key(user(c), 0)[:tokenLen])]; got != each {
			t.Errorf("%d events of caller %d, want %d", got, c, each)
		}
	}
}

// kept counts the events of each token; each has a number of its own, and its data.
func kept(t *testing.T, j *Journal) map[string]int {
	seen, numbers := map[string]int{}, map[uint64]bool{}
	err := j.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(bucket).ForEach(func(k, v []byte) error {
			seen[string(k[:tokenLen])]++
			numbers[binary.BigEndian.Uint64(k[tokenLen:])] = true
			if !bytes.HasSuffix(v, data) {
				t.Errorf("value %q", v)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := callers * 5; len(numbers) != n {
		t.Errorf("%d numbers, want %d", len(numbers), n)
	}
	return seen
}

func open(t testing.TB, file string, waiting int) *Journal {
	t.Helper()
	j, err := Open(file, waiting)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

var data = []byte(`{"entityType":"like","data":{"by":"arya","post":12345,"text":"liked your picture of the sea"}}`)

func publication(token string) *notifier.Publication {
	return &notifier.Publication{Tokens: []string{token}, Data: data, TTL: 24 * time.Hour}
}

const tokens = 1_000_000

func user(n int) string { return "user-" + strconv.Itoa(n) }

// turn is for how long one of the two is measured before it is the other's turn.
const turn = 3 * time.Second

// BenchmarkAppend has 64 callers append events for a million tokens, one event a
// call and every one synced: to bbolt and to journal.Disk in turns, so that what
// else the machine does hits both alike. bbolt waits for callers as it does by
// itself, or for just so many as there are; both begin with nothing, or with an
// event of every token.
func BenchmarkAppend(b *testing.B) {
	b.Run("by itself, empty", func(b *testing.B) { benchmark(b, 0, 0) })
	b.Run("by itself, filled", func(b *testing.B) { benchmark(b, 0, tokens) })
	b.Run("tuned, empty", func(b *testing.B) { benchmark(b, callers, 0) })
	b.Run("tuned, filled", func(b *testing.B) { benchmark(b, callers, tokens) })
}

func benchmark(b *testing.B, waiting, kept int) {
	tree := open(b, filepath.Join(b.TempDir(), "events"), waiting)
	log, err := journal.Disk{Options: journal.Options{MaxBytes: -1}}.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { log.Close() })
	fill(b, tree, log, kept)

	var toTree, toLog float64 // events/s, summed over the turns
	for b.Loop() {
		toTree += rate(b, func(p *notifier.Publication) error {
			_, err := tree.Append(p)
			return err
		})
		toLog += rate(b, func(p *notifier.Publication) error {
			_, err := log.Append(context.Background(), []notifier.Publication{*p})
			return err
		})
	}
	b.ReportMetric(toTree/float64(b.N), "bbolt-events/s")
	b.ReportMetric(toLog/float64(b.N), "journal-events/s")
	b.ReportMetric(toLog/toTree, "ratio")
}

// fill has both keep an event of each of the first tokens.
func fill(b *testing.B, tree *Journal, log journal.Log, kept int) {
	const at = 10_000 // a time
	for from := 0; from < kept; from += at {
		var pubs []notifier.Publication
		for i := range at {
			pubs = append(pubs, *publication(user(from + i)))
		}
		_, err := log.Append(context.Background(), pubs)
		err = errors.Join(err, tree.db.Update(func(tx *bolt.Tx) (err error) {
			for i := 0; err == nil && i < at; i++ {
				_, err = put(tx, &pubs[i])
			}
			return err
		}))
		if err != nil {
			b.Fatal(err)
		}
	}
}

// rate is how many events a second all callers together append in a turn.
func rate(b *testing.B, add func(*notifier.Publication) error) float64 {
	var n atomic.Int64
	var all sync.WaitGroup
	begun := time.Now()
	for range callers {
		all.Go(func() {
			for time.Since(begun) < turn {
				if err := add(publication(user(rand.IntN(tokens)))); err != nil {
					b.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	all.Wait()
	return float64(n.Load()) / time.Since(begun).Seconds()
}
