package node

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A check is due now and then, however many ask, and nobody waits longer than it should take.
func TestProber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var checks int
		var takes time.Duration
		var answer error
		p := &prober{check: func(context.Context) error {
			checks++
			time.Sleep(takes)
			return answer
		}}
		ask := func(want error, total int) {
			t.Helper()
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					if err := p.ask(); !errors.Is(err, want) {
						t.Errorf("got %v, want %v", err, want)
					}
				})
			}
			all.Wait()
			synctest.Wait() // a check may be under way
			if checks != total {
				t.Errorf("%d checks, want %d", checks, total)
			}
		}
		broken := errors.New("broken")
		takes = 10 * time.Millisecond
		ask(nil, 1)
		answer = broken
		time.Sleep(goodFor - takes - 1)
		ask(nil, 1)
		time.Sleep(time.Nanosecond)
		ask(broken, 2)
		answer = nil
		time.Sleep(badFor - takes - 1)
		ask(broken, 2)
		time.Sleep(time.Nanosecond)
		ask(nil, 3)

		takes = time.Hour // the disk hangs
		time.Sleep(goodFor)
		start := time.Now()
		ask(errSlow, 4)
		if d := time.Since(start); d != patience+moment {
			t.Errorf("they waited %v", d)
		}
		time.Sleep(10 * time.Minute)
		start = time.Now()
		ask(errSlow, 4)
		if d := time.Since(start); d != 0 {
			t.Errorf("those after them waited %v", d)
		}
		takes = 0
		time.Sleep(time.Hour)
		ask(nil, 5)
	})
}

func TestFilesLeft(t *testing.T) {
	for _, c := range []struct {
		limit, used int
		ok          bool
	}{
		{1024, 1024 - 32, true}, {1024, 1024 - 31, false}, {20000, 19500, true}, {20000, 19501, false}, {0, 10, true}, {1024, 0, true},
	} {
		if err := filesLeft(c.limit, c.used); (err == nil) != c.ok {
			t.Errorf("%d of %d: %v", c.used, c.limit, err)
		}
	}
	before := usedFiles()
	for range 10 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	if after := usedFiles(); openFiles() > 0 && (before == 0 || after < before+5) {
		t.Errorf("%d files are open, and with ten more %d", before, after)
	}
}
