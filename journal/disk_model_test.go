package journal

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"notifier"
)

// FuzzDiskModel does the same to a journal on disk and to the model, and compares
// every answer. Once in a while the journal is opened again, or loses its power.
//
// The model holds the bounds of age and bytes event by event, which is finer than
// buckets are: these two are left to the tests that know what to expect.
func FuzzDiskModel(f *testing.F) {
	for seed := range uint64(60) {
		random := rand.NewPCG(seed, 1)
		script := make([]byte, 600)
		for i := range script {
			script[i] = byte(random.Uint64())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		synctest.Test(t, func(t *testing.T) { newDiskDuel(t, script).run() })
	})
}

// A diskDuel is a journal on disk and the model under one script, of which the
// duel with Memory says how to read it.
type diskDuel struct {
	duel
	opts Options
	fs   *vfs.MemFS
	disk *durable

	forgotten map[string]bool
}

func newDiskDuel(t *testing.T, script []byte) *diskDuel {
	d := &diskDuel{fs: vfs.NewCrashableMem(), forgotten: map[string]bool{}}
	d.T, d.script = t, script[:min(len(script), 600)]
	d.opts = Options{
		MaxAge:    -1,
		MaxBytes:  -1,
		MaxEvents: []int{-1, 1, 2, 3, 8}[d.byte()%5],
		KeyWindow: []time.Duration{-1, 30 * time.Second, 10 * time.Minute}[d.byte()%3],
	}
	d.open()
	d.model = &model{opts: d.opts, origin: d.disk.x.origin(), floors: map[string]uint64{}}
	return d
}

func (d *diskDuel) open() {
	d.disk = openMem(d.T, d.fs, d.opts)
	d.disk.Follow(func(batch []notifier.Delivery) { d.told = append(d.told, batch...) })
}

func (d *diskDuel) run() {
	for len(d.script) > 0 {
		switch d.byte() % 10 {
		case 0, 1, 2:
			d.append()
		case 3, 4, 5:
			d.replay(d.query())
		case 6:
			d.forget()
		case 7:
			time.Sleep([]time.Duration{time.Second, 20 * time.Second, time.Minute, time.Hour}[d.byte()%4])
		case 8:
			d.reopen(d.fs)
		case 9:
			d.reopen(d.fs.CrashClone(vfs.CrashCloneCfg{}))
		}
	}
	d.disk.Close()
	d.checkTold()
}

func (d *diskDuel) reopen(fs *vfs.MemFS) {
	if err := d.disk.Close(); err != nil {
		d.Fatal(err)
	}
	d.fs = fs
	d.open()
}

func (d *diskDuel) append() {
	var pubs []notifier.Publication
	for range 1 + d.byte()%4 {
		pubs = append(pubs, d.publication())
	}
	want := d.model.append(pubs)
	got, err := d.disk.Append(context.Background(), pubs)
	if err != nil || !slices.Equal(got, want) {
		d.Fatalf("append %+v\n got %v, %v\nwant %v", pubs, got, err, want)
	}
	if head := d.disk.Head(); head != d.model.origin.At(d.model.head) {
		d.Fatalf("the head is %v, want %d", head, d.model.head)
	}
}

// forget forgets a token. The model's mark of an earlier time takes the place of an
// event that is worthless, so it may count fewer then.
func (d *diskDuel) forget() {
	token := string(rune('a' + d.byte()%4))
	want := d.model.forget(token)
	got, err := d.disk.Forget(context.Background(), token)
	if err != nil || got < want || got > want && !d.forgotten[token] {
		d.Fatalf("forgot %d, %v, want %d", got, err, want)
	}
	d.forgotten[token] = true
}

// replay compares a page, and then all the pages after it.
func (d *diskDuel) replay(q notifier.Query) {
	page := d.compare(q)
	d.pos = page.Next
	for page.More {
		q.After = page.Next
		page = d.compare(q)
	}
}

// compare asks as a stream does that was opened now. One that has been open for
// longer may be sent an event of the kind that nobody needs any more, or not.
func (d *diskDuel) compare(q notifier.Query) notifier.Page {
	q.Live = d.model.head
	want := d.model.replay(q)
	got, err := d.disk.Replay(context.Background(), q)
	if err != nil || !samePage(got, want) {
		d.Fatalf("replay %+v\n got %s, %v\nwant %s", q, show(got), err, show(want))
	}
	return got
}
