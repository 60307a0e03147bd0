package journal

import (
	"bytes"
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"notifier"
)

// keysIn counts the keys that begin with a prefix.
func keysIn(t *testing.T, l *durable, prefix ...byte) (n int) {
	t.Helper()
	it, err := l.x.db.NewIter(&pebble.IterOptions{LowerBound: prefix})
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for it.First(); it.Valid() && bytes.HasPrefix(it.Key(), prefix); it.Next() {
		n++
	}
	return n
}

func appendTo(t *testing.T, l *durable, pubs ...notifier.Publication) []notifier.Ack {
	t.Helper()
	acks, err := l.Append(context.Background(), pubs)
	if err != nil {
		t.Fatal(err)
	}
	return acks
}

// TestAgeFreesDisk: what is too old is gone from the disk, keys and all, though
// nobody appends or reads.
func TestAgeFreesDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openMem(t, vfs.NewMem(), Options{MaxAge: 6 * time.Hour})
		defer l.Close()
		for i := range 100 {
			p := to(strconv.Itoa(i))
			p.Key = strconv.Itoa(i)
			appendTo(t, l, p, notifier.Publication{Tokens: tokens(0, 100), TTL: time.Hour})
		}
		if n := keysIn(t, l, kindData); n < 100*101 {
			t.Fatalf("%d keys", n)
		}
		time.Sleep(8 * time.Hour)
		synctest.Wait()
		if n := keysIn(t, l, kindData); n != 0 {
			t.Errorf("%d keys are still there", n)
		}
		if n := keysIn(t, l, kindKeys); n != 0 {
			t.Errorf("%d idempotency keys are still there", n)
		}
		if n := keysIn(t, l, kindBucket); n > 2 {
			t.Errorf("%d buckets", n)
		}
	})
}

// TestShrinks: a store that is far past its bounds gives the disk back.
func TestShrinks(t *testing.T) {
	const bound = 8 << 20
	fs, opts := vfs.NewMem(), unboundedOptions
	l := openMem(t, fs, opts)
	data := make([]byte, 64<<10)
	for i := range 4 {
		var pubs []notifier.Publication
		for range 200 {
			pubs = append(pubs, notifier.Publication{Tokens: []string{strconv.Itoa(i)}, Data: data, TTL: time.Hour})
		}
		appendTo(t, l, pubs...)
	}
	if err := l.x.db.Flush(); err != nil {
		t.Fatal(err)
	}
	before := tableBytes(t, fs)
	if before < 4*bound {
		t.Fatalf("only %d bytes of tables", before)
	}
	l.Close()
	opts.MaxBytes = bound
	l = openMem(t, fs, opts)
	defer l.Close()
	head := l.Head()
	appendTo(t, l, to("1"))
	deadline := time.Now().Add(time.Minute)
	for tableBytes(t, fs) > bound*3/2 {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes of tables, before %d", tableBytes(t, fs), before)
		}
		time.Sleep(10 * time.Millisecond)
	}
	page, err := l.Replay(context.Background(), notifier.Query{Tokens: []string{"0"}, After: head.At(1)})
	if err != nil || page.Gap != notifier.GapExpired || len(page.Events) != 0 {
		t.Errorf("%d events, gap %q, %v", len(page.Events), page.Gap, err)
	}
}

func tableBytes(t *testing.T, fs vfs.FS) (total int64) {
	t.Helper()
	names, err := fs.List(memDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if info, err := fs.Stat(fs.PathJoin(memDir, name)); err == nil && isTable(name) {
			total += info.Size()
		}
	}
	return total
}

// TestHotTokenOnDisk: a token that gets very many events does not keep them, also those
// that are for live streams only, nor the others' either.
func TestHotTokenOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openMem(t, vfs.NewMem(), Options{MaxEvents: 10})
		defer l.Close()
		first := appendTo(t, l, to("quiet"), to("mixed"))
		for range 100 {
			live := to("mixed")
			live.TTL = 0
			appendTo(t, l, to("hot"), to("hot"), live, live)
			time.Sleep(30 * time.Second)
		}
		n := keysIn(t, l, dataStart(1)...)
		if n > 2+3*(2*10+1) {
			t.Errorf("%d keys are kept", n)
		}
		page, err := l.Replay(context.Background(), notifier.Query{Tokens: []string{"hot"}, After: first[0].ID})
		if err != nil || len(page.Events) != 10 || page.Gap != notifier.GapExpired || page.Start.Seq != l.Head().Seq-2-4*5 {
			t.Errorf("hot: %d events, gap %q from %v, %v", len(page.Events), page.Gap, page.Start, err)
		}
		for _, token := range []string{"quiet", "mixed"} {
			q := notifier.Query{Tokens: []string{token}, After: first[0].ID.At(0), Live: l.Head().Seq}
			page, err := l.Replay(context.Background(), q)
			if err != nil || len(page.Events) != 1 || page.Gap != notifier.GapNone {
				t.Errorf("%s: %d events, gap %q, %v", token, len(page.Events), page.Gap, err)
			}
		}
	})
}

// TestWideOnce: the data of a publication for very many tokens stands once.
func TestWideOnce(t *testing.T) {
	fs := vfs.NewMem()
	l := openMem(t, fs, unboundedOptions)
	defer l.Close()
	p := notifier.Publication{Tokens: tokens(0, notifier.MaxTokens), Name: "n", Data: make([]byte, 1<<20), TTL: time.Hour}
	id := appendTo(t, l, p)[0].ID
	if err := l.x.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := tableBytes(t, fs); n > 3<<20 {
		t.Errorf("%d bytes for one of %d", n, len(p.Data))
	}
	for _, token := range []string{p.Tokens[0], p.Tokens[len(p.Tokens)-1]} {
		page, err := l.Replay(context.Background(), notifier.Query{Tokens: []string{token}})
		if err != nil || len(page.Events) != 1 || page.Events[0].ID != id || page.Events[0].Name != "n" ||
			!bytes.Equal(page.Events[0].Data, p.Data) {
			t.Errorf("%d events, %v", len(page.Events), err)
		}
	}
}
