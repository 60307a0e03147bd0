package journal

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"notifier"
)

// TestMetrics: both logs count what they hold and what their bounds have cost.
func TestMetrics(t *testing.T) {
	for name, open := range map[string]func(Options) Log{
		"memory": Memory,
		"disk":   func(o Options) Log { return openMem(t, vfs.NewMem(), o) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := open(Options{MaxAge: 6 * time.Hour, MaxBytes: 64 << 10})
				defer l.Close()
				metrics := l.(Measured).Metrics
				if m := metrics(); m.Events != 0 || !m.Oldest.IsZero() {
					t.Errorf("at first: %+v", m)
				}
				start := time.Now()
				publish := func(size, n int) {
					t.Helper()
					pubs := make([]notifier.Publication, n)
					for i := range pubs {
						pubs[i] = to("1")
						pubs[i].Data = make([]byte, size)
					}
					if _, err := l.Append(t.Context(), pubs); err != nil {
						t.Fatal(err)
					}
				}
				publish(100, 3)
				publish(100, 1)
				m := metrics()
				if m.Events != 4 || m.Bytes < 400 || m.TooOld+m.TooMuch != 0 || m.Oldest.Before(start) || m.Oldest.After(time.Now()) {
					t.Errorf("after four events: %+v", m)
				}
				if want := [buckets + 1]uint64{0: 1, 2: 1}; m.Batches.Counts != want || m.Batches.Sum != 4 {
					t.Errorf("batches of 3 and 1: %+v", m.Batches)
				}
				if name == "disk" && (count(m.Syncs) < 2 || m.Syncs.Sum < 0 || m.Disk < walBytes) {
					t.Errorf("after two batches: %+v, %d bytes", m.Syncs, m.Disk)
				}

				time.Sleep(8 * time.Hour)
				publish(100, 1)
				if m := metrics(); m.Events != 1 || m.TooOld != 4 || m.TooMuch != 0 || m.Oldest.Equal(start) {
					t.Errorf("after the age: %+v", m)
				}
				for range 100 {
					publish(1000, 1)
				}
				if m := metrics(); m.Events+m.TooMuch != 101 || m.TooMuch < 30 || m.TooOld != 4 || m.Bytes > 72<<10 {
					t.Errorf("after too many bytes: %+v", m)
				}
				if _, err := l.Forget(t.Context(), "1"); err != nil {
					t.Fatal(err)
				}
				if m := metrics(); name == "memory" && m.Events != 0 {
					t.Errorf("after all is forgotten: %+v", m)
				}
			})
		})
	}
}

func count(h Histogram) (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// TestHistogram: a value belongs to the first bucket whose bound it does not pass.
func TestHistogram(t *testing.T) {
	for _, first := range []int64{1, firstOfSync} {
		var h histogram
		r := h.read(first)
		values := []int64{0, 1, first}
		want := [buckets + 1]uint64{3, 1} // the last of them is first+1
		for i := 1; i < buckets; i++ {
			values = append(values, r.Bound(i))
			want[i]++
		}
		values = append(values, first+1, r.Bound(buckets-1)+1, 1<<62)
		want[buckets] = 2
		sum := int64(0)
		for _, v := range slices.Backward(values) {
			h.add(v, first)
			sum += v
		}
		if r := h.read(first); r.Counts != want || r.Sum != sum {
			t.Errorf("first %d: %+v, want %v", first, r, want)
		}
	}
}
