package stream_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"notifier"
	"notifier/journal"
	"notifier/stream"
)

func TestResume(t *testing.T) {
	run(t, stream.Config{}, journal.Options{MaxEvents: 5000}, func(b *bench) {
		ids := b.publish([]string{"1"}, numbers(0, 2000)...)
		b.publish([]string{"2"}, "not for 1")
		for _, c := range []*client{
			b.open("1", "Last-Event-ID", ids[499].String()),
			b.open("1&lastEventId=" + ids[499].String()),
			b.open("1&last_event_id=" + ids[499].String()),
			b.open("1&lastEventId="+ids[3].String(), "Last-Event-ID", ids[499].String()),
		} {
			c.want(numbers(500, 2000)...)
			b.publish([]string{"1"}, "live")
			c.want("live")
			c.conn.Close()
		}
	})
}

func TestSince(t *testing.T) {
	run(t, stream.Config{}, defaults, func(b *bench) {
		b.publish([]string{"1"}, "old")
		time.Sleep(10 * time.Minute)
		mark := time.Now()
		b.publish([]string{"1"}, "new")
		time.Sleep(time.Minute)
		for query, want := range map[string][]string{
			"all":                                {"old", "new"},
			"1h":                                 {"old", "new"},
			"5m":                                 {"new"},
			"30s":                                {},
			fmt.Sprint(mark.Unix()):              {"new"},
			fmt.Sprint(mark.Unix(), ".5"):        {},
			mark.Format(time.RFC3339):            {"new"},
			mark.Add(1).Format(time.RFC3339Nano): {},
		} {
			query = strings.ReplaceAll(query, " ", "")
			c := b.open("1&control=1&since=" + query)
			ready := c.wantEvent("notifier-ready", `{"resumed":false}`)
			c.want(want...)
			c.conn.Close()

			again := b.open("1&since=all&lastEventId=" + ready.ID) // from where ready said it starts
			again.want(want...)
			again.conn.Close()
		}
		for _, bad := range []string{"yesterday", "-5m", "-1", "1e400", "NaN", fmt.Sprint(mark.UnixMilli())} {
			if c := b.dial("GET", "1&since="+bad); c.resp.StatusCode != 400 {
				t.Errorf("since=%s: %d", bad, c.resp.StatusCode)
			}
		}
	})
}

// A position that the journal cannot continue from is told, never passed over
// and never an error.
func TestGap(t *testing.T) {
	run(t, stream.Config{}, journal.Options{MaxEvents: 3}, func(b *bench) {
		ids := b.publish([]string{"1"}, numbers(0, 10)...)
		head := b.publish([]string{"2"}, "head of the log")[0]
		kept := []string{"7", "8", "9"}
		oldest := ids[7].String()
		for last, want := range map[string]struct {
			reason string
			start  notifier.ID
			then   []string
		}{
			ids[2].String(): {"expired", ids[6], kept},
			notifier.ID{Epoch: ids[0].Epoch ^ 1, Seq: 8}.String(): {"unknown", ids[6], kept},
			head.At(head.Seq + 1).String():                        {"unknown", head, nil},
			"garbage":                                             {"unknown", head, nil},
			strings.Repeat("9", 5000):                             {"unknown", head, nil},
		} {
			c := b.open("1", "Last-Event-ID", last)
			ev := c.wantEvent("notifier-gap", `{"reason":"`+want.reason+`","oldest":"`+oldest+`"}`)
			if ev.ID != want.start.String() {
				t.Errorf("after %.20s: goes on at %s, want %s", last, ev.ID, want.start)
			}
			c.want(want.then...)
			c.conn.Close()

			again := b.open("1", "Last-Event-ID", ev.ID) // cut right after it: no second gap
			again.want(want.then...)
			synctest.Wait()
			again.conn.Close()
		}
	})
}

// A live stream that falls behind what is kept is told too.
func TestGapWhileOpen(t *testing.T) {
	run(t, stream.Config{Lifetime: -1, WriteTimeout: time.Minute}, journal.Options{MaxEvents: 10}, func(b *bench) {
		c := b.open("1")
		for i := range 400 {
			b.publish([]string{"1"}, fmt.Sprint(i, strings.Repeat(".", 5000)))
		}
		synctest.Wait()
		gap := false
		for next := 0; next < 400; next++ {
			ev, err := c.Next()
			if err == nil && ev.Type == "notifier-gap" {
				gap = true
				ev, err = c.Next()
				next, _ = strconv.Atoi(strings.TrimRight(ev.Data, "."))
			}
			if err != nil || !strings.HasPrefix(ev.Data, fmt.Sprint(next, ".")) {
				t.Fatalf("got %.10s, %v; want %d", ev.Data, err, next)
			}
		}
		if !gap {
			t.Error("events were passed over in silence")
		}
	})
}

// Live-only events reach streams that are open, also slow ones, and nobody else.
func TestLiveOnly(t *testing.T) {
	run(t, stream.Config{}, defaults, func(b *bench) {
		c, slow := b.open("1"), b.open("1")
		for i := range 50 {
			b.append(notifier.Publication{Tokens: []string{"1"}, Data: []byte(fmt.Sprint(i, strings.Repeat(" ", 20_000)))})
		}
		for _, c := range []*client{c, slow} {
			for i := range 50 {
				ev, err := c.Next()
				if err != nil || strings.TrimSpace(ev.Data) != fmt.Sprint(i) {
					t.Fatalf("event %d: %.10s, %v", i, ev.Data, err)
				}
			}
		}
		late := b.open("1&since=all")
		b.publish([]string{"1"}, "kept")
		late.want("kept")
	})
}

// More than a topic holds, appended at once: the streams read it from the journal.
func TestBurst(t *testing.T) {
	run(t, stream.Config{}, journal.Options{MaxEvents: 20_000}, func(b *bench) {
		c := b.open("1")
		b.publish([]string{"1"}, numbers(0, 10_000)...)
		c.want(numbers(0, 10_000)...)
		b.publish([]string{"1"}, "next")
		c.want("next")
	})
}

// A client that does not read disturbs nobody, is closed in time, and finds
// everything when it comes back.
func TestSlowClient(t *testing.T) {
	run(t, stream.Config{WriteTimeout: 10 * time.Second, Lifetime: -1}, journal.Options{MaxEvents: 5000}, func(b *bench) {
		stuck, healthy := b.open("1"), b.open("1")
		start := time.Now()
		var want []string
		for i := range 1000 {
			want = append(want, fmt.Sprint(i, strings.Repeat(".", 2000)))
		}
		b.publish([]string{"1"}, want...)
		healthy.want(want...)
		if d := time.Since(start); d != 0 {
			t.Errorf("the healthy client waited %v", d)
		}
		for b.hub.Count("1") == 2 {
			time.Sleep(100 * time.Millisecond)
		}
		if d := time.Since(start); d > 10500*time.Millisecond || d < 9*time.Second {
			t.Errorf("the stuck client was closed after %v", d)
		}
		io.Copy(io.Discard, stuck.conn) // it ends
		back := b.open("1&since=all")
		back.want(want...)
	})
}

// A client that is merely slow gets everything, once and in order.
func TestSlowButAlive(t *testing.T) {
	run(t, stream.Config{WriteTimeout: 10 * time.Second, Lifetime: -1}, journal.Options{MaxEvents: 5000}, func(b *bench) {
		c := b.open("1")
		var want []string
		for i := range 1000 {
			want = append(want, fmt.Sprint(i, strings.Repeat(".", 2000)))
		}
		go b.publish([]string{"1"}, want...)
		for i, d := range want {
			if i%20 == 0 {
				time.Sleep(2 * time.Second)
			}
			c.want(d)
		}
	})
}

// Readers that are cut at random places and resume see every event of their token
// once and in order, whatever goes on meanwhile.
func TestExactlyOnceAcrossCuts(t *testing.T) {
	const events, readers = 2000, 12
	run(t, stream.Config{Lifetime: 20 * time.Second}, journal.Options{MaxEvents: 3 * events}, func(b *bench) {
		var wg sync.WaitGroup
		for r := range readers {
			token := fmt.Sprint(r % 3)
			rng := rand.New(rand.NewPCG(uint64(r), 1))
			c := b.open(token + "&since=all")
			wg.Go(func() {
				last, next := "", 0
				for next < events {
					ev, err := c.Next()
					if err == nil {
						if ev.Data != fmt.Sprint(next) {
							t.Errorf("reader %d: got %.20s, want %d", r, ev.Data, next)
							return
						}
						last, next = ev.ID, next+1
					}
					if err != nil || rng.IntN(100) == 0 {
						c.conn.Close()
						if last == "" {
							c = b.open(token + "&since=all")
						} else {
							c = b.open(token, "Last-Event-ID", last)
						}
					}
					if rng.IntN(50) == 0 {
						time.Sleep(time.Duration(rng.IntN(1000)) * time.Millisecond)
					}
				}
			})
		}
		rng := rand.New(rand.NewPCG(7, 7))
		for i := range events {
			b.publish([]string{"0", "1", "2"}, fmt.Sprint(i))
			if rng.IntN(10) == 0 {
				time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
			}
		}
		wg.Wait()
	})
}

// A journal that cannot be read ends the stream; its client comes back.
func TestJournalTrouble(t *testing.T) {
	run(t, stream.Config{}, defaults, func(b *bench) {
		id := b.publish([]string{"1"}, "a", "b")[0]
		c := b.open("1")
		b.log.Close()
		r := b.open("1", "Last-Event-ID", id.String())
		r.wantEnd()
		synctest.Wait()
		if n := b.hub.Count("1"); n != 1 {
			t.Errorf("%d streams, want the one that needs no journal", n)
		}
		_ = c
		if _, err := b.log.Append(context.Background(), nil); err == nil {
			t.Error("the journal is not closed")
		}
	})
}

// What is kept of the events for all may be older than what is kept of the token:
// after a gap the client gets both, and is told once, however many pages it takes.
func TestGapHidesNothingKept(t *testing.T) {
	run(t, stream.Config{}, journal.Options{MaxEvents: 2000}, func(b *bench) {
		start := b.publish([]string{"1"}, "first")[0]
		var want []string
		for i := range 1000 {
			b.append(notifier.Publication{All: true, Data: fmt.Append(nil, "all ", i), TTL: time.Hour})
			want = append(want, fmt.Sprint("all ", i))
		}
		b.publish([]string{"1"}, numbers(0, 3000)...)
		want = append(want, numbers(1000, 3000)...)
		c := b.open("1", "Last-Event-ID", start.String())
		gap, err := c.Next()
		if err != nil || gap.Type != "notifier-gap" {
			t.Fatalf("got %+v, %v", gap, err)
		}
		c.want(want...)
		again := b.open("1", "Last-Event-ID", gap.ID)
		if ev, err := again.Next(); err != nil || ev.Type != "notifier-gap" {
			t.Fatalf("got %+v, %v", ev, err)
		}
		again.want(want...)
	})
}
