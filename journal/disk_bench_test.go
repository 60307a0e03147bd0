package journal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"notifier"
)

func openBench(b *testing.B, dir string, opts Options) *durable {
	b.Helper()
	log, err := Open(dir, opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { log.Close() })
	return log.(*durable)
}

var benchData = []byte(`{"entityType":"like","data":{"by":"arya","post":12345,"text":"liked your picture of the sea"}}`)

// benchPub is a publication for one of a million tokens.
func benchPub() notifier.Publication {
	token := "user-" + strconv.Itoa(rand.IntN(1_000_000))
	return notifier.Publication{Tokens: []string{token}, Data: benchData, TTL: 24 * time.Hour}
}

// BenchmarkDiskAppend appends publications with so many callers at once, so many
// in a call, every one synced. The bare loop commits the same number of batches of
// one such event straight to Pebble: what a lone caller can hope for.
func BenchmarkDiskAppend(b *testing.B) {
	b.Run("bare Pebble", benchBare)
	for _, c := range []struct{ callers, pubs int }{{1, 1}, {16, 1}, {64, 1}, {256, 1}, {1, 1000}, {4, 1000}} {
		b.Run(fmt.Sprintf("%d callers of %d", c.callers, c.pubs), func(b *testing.B) {
			l := openBench(b, b.TempDir(), Options{MaxBytes: -1})
			benchCallers(b, l, c.callers, c.pubs)
		})
	}
}

func benchCallers(b *testing.B, l *durable, callers, pubs int) {
	var all sync.WaitGroup
	b.ResetTimer()
	for c := range callers {
		all.Go(func() {
			for range (b.N + callers - 1 - c) / callers {
				batch := make([]notifier.Publication, pubs)
				for i := range batch {
					batch[i] = benchPub()
				}
				if _, err := l.Append(context.Background(), batch); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N*pubs)/b.Elapsed().Seconds(), "events/s")
}

func benchBare(b *testing.B) {
	x := &index{dir: b.TempDir(), disk: vfs.Default, size: defaultCache}
	db, err := pebble.Open(x.dir, x.options(newFence(vfs.Default)))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	value := make([]byte, len(benchData)+20)
	b.ResetTimer()
	for i := range b.N {
		batch := db.NewBatch()
		key := eventKey(nil, 1, hash{byte(i), byte(i >> 8), byte(i >> 16)}, uint64(i))
		batch.Set(key, value, nil)
		batch.Set(stateKey, make([]byte, stateLen), nil)
		if err := batch.Commit(pebble.Sync); err != nil {
			b.Fatal(err)
		}
		batch.Close()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkDiskWide appends publications for 1000 tokens each.
func BenchmarkDiskWide(b *testing.B) {
	l := openBench(b, b.TempDir(), Options{MaxBytes: -1})
	p := notifier.Publication{Data: benchData, TTL: time.Hour}
	for i := range 1000 {
		p.Tokens = append(p.Tokens, "user-"+strconv.Itoa(i*997))
	}
	b.ResetTimer()
	for range b.N {
		if _, err := l.Append(context.Background(), []notifier.Publication{p}); err != nil {
			b.Fatal(err)
		}
	}
}

// filledEnv names a directory with a filled journal; it is filled if it is empty.
const filledEnv = "JOURNAL_FILLED"

// filled opens a journal of a million tokens with ten events each.
func filled(b *testing.B) *durable {
	dir := os.Getenv(filledEnv)
	if dir == "" {
		b.Skip("needs a directory in " + filledEnv)
	}
	l := openBench(b, dir, Options{MaxBytes: -1})
	const tokens, per, batch = 1_000_000, 10, 10_000
	for n := int(l.Head().Seq); n < tokens*per; n += batch {
		pubs := make([]notifier.Publication, batch)
		for i := range pubs {
			token := "user-" + strconv.Itoa((n+i)*7919%tokens)
			pubs[i] = notifier.Publication{Tokens: []string{token}, Data: benchData, TTL: 24 * time.Hour}
		}
		if _, err := l.Append(context.Background(), pubs); err != nil {
			b.Fatal(err)
		}
	}
	return l
}

// BenchmarkFilledReplay reads all that is kept of a random token among a million.
func BenchmarkFilledReplay(b *testing.B) {
	l := filled(b)
	for range b.N {
		q := notifier.Query{Tokens: []string{"user-" + strconv.Itoa(rand.IntN(1_000_000))}}
		page, err := l.Replay(context.Background(), q)
		if err != nil || len(page.Events) < 10 {
			b.Fatalf("%d events, %v", len(page.Events), err)
		}
	}
}

// BenchmarkFilledReplay50 reads the last 50 events of tokens that have more.
func BenchmarkFilledReplay50(b *testing.B) {
	l := filled(b)
	for range 60 {
		pubs := make([]notifier.Publication, 1000)
		for i := range pubs {
			pubs[i] = notifier.Publication{Tokens: []string{"busy-" + strconv.Itoa(i)}, Data: benchData, TTL: 24 * time.Hour}
		}
		if _, err := l.Append(context.Background(), pubs); err != nil {
			b.Fatal(err)
		}
	}
	after := l.Head().At(l.Head().Seq - 50_000)
	b.ResetTimer()
	for range b.N {
		q := notifier.Query{Tokens: []string{"busy-" + strconv.Itoa(rand.IntN(1000))}, After: after}
		page, err := l.Replay(context.Background(), q)
		if err != nil || len(page.Events) != 50 {
			b.Fatalf("%d events, %v", len(page.Events), err)
		}
	}
}

// BenchmarkFilledAppend appends to the filled journal, 64 callers at once.
func BenchmarkFilledAppend(b *testing.B) {
	benchCallers(b, filled(b), 64, 1)
}

// BenchmarkFilledOpen opens the filled journal, the first time as it was left, and
// reports how much memory the process then holds.
func BenchmarkFilledOpen(b *testing.B) {
	begun := time.Now()
	log, err := Open(os.Getenv(filledEnv), Options{MaxBytes: -1})
	if err != nil {
		b.Fatal(err)
	}
	first := time.Since(begun)
	log.Close()
	b.ResetTimer()
	for range b.N {
		log, err := Open(os.Getenv(filledEnv), Options{MaxBytes: -1})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		log.Close()
		b.StartTimer()
	}
	runtime.GC()
	if b.N == 1 {
		b.ReportMetric(float64(first.Microseconds())/1000, "ms-first")
	}
	b.ReportMetric(float64(residentBytes())/(1<<20), "MiB-resident")
}

func residentBytes() int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int64
	fmt.Sscan(string(statm), &size, &resident)
	return resident * int64(os.Getpagesize())
}
