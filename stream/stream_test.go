package stream_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"notifier"
	"notifier/journal"
	"notifier/stream"
)

var defaults journal.Options

func TestFirstBytes(t *testing.T) {
	run(t, stream.Config{}, defaults, func(b *bench) {
		c := b.open("1")
		for name, want := range map[string]string{
			"Content-Type":      "text/event-stream",
			"Cache-Control":     "no-cache, no-store, no-transform",
			"X-Accel-Buffering": "no",
		} {
			if got := strings.Join(c.resp.Header[name], "|"); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if first := c.line(); !regexp.MustCompile(`^retry: (2[2-9]|3[0-7])\d\d\n$`).MatchString(first) {
			t.Errorf("first line %q", first)
		}
		if second := c.line(); second != ":\n" {
			t.Errorf("second line %q", second)
		}
		id := b.publish([]string{"1"}, "{}")[0]
		for _, want := range []string{"data: {}\n", "id: " + id.String() + "\n", "\n"} {
			if got := c.line(); got != want {
				t.Errorf("got line %q, want %q", got, want)
			}
		}
	})
}

func TestRetryIsRandom(t *testing.T) {
	run(t, stream.Config{Retry: time.Second}, defaults, func(b *bench) {
		seen := map[int]bool{}
		for range 50 {
			ms, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(b.open("1").line(), "retry: ")))
			if err != nil || ms < 750 || ms > 1250 {
				t.Fatalf("retry %d, %v", ms, err)
			}
			seen[ms] = true
		}
		if len(seen) < 10 {
			t.Errorf("only %d different values", len(seen))
		}
	})
}

func TestEventsReachTheStreamsOfTheirTokens(t *testing.T) {
	run(t, stream.Config{}, defaults, func(b *bench) {
		b.publish([]string{"1"}, "before")
		a1, a2, other := b.open("1"), b.open("1"), b.open("2")
		b.publish([]string{"1"}, "one")
		b.publish([]string{"1", "2"}, "both")
		b.append(notifier.Publication{All: true, Data: []byte("all"), TTL: time.Hour})
		b.append(notifier.Publication{All: true, Except: "2", Data: []byte("but 2")})
		b.append(notifier.Publication{Tokens: []string{"1"}, Name: "like", Data: []byte("named")})
		for _, c := range []*client{a1, a2} {
			c.want("one", "both", "all", "but 2")
			c.wantEvent("like", "named")
		}
		other.want("both", "all")
		b.publish([]string{"2"}, "last")
		other.want("last")
	})
}

// A heartbeat comes when a stream has been silent for the interval, at most one
// tick of the wheel early, and an event puts it off.
func TestHeartbeat(t *testing.T) {
	const interval, tick = 15 * time.Second, 250 * time.Millisecond
	run(t, stream.Config{Heartbeat: interval, Lifetime: -1}, defaults, func(b *bench) {
		c := b.open("1")
		c.line()
		c.line()
		beat := func() {
			t.Helper()
			start := time.Now()
			if got := c.line(); got != ":\n" {
				t.Fatalf("got %q, want a heartbeat", got)
			}
			if d := time.Since(start); d > interval || d <= interval-tick {
				t.Fatalf("heartbeat after %v of silence", d)
			}
		}
		beat()
		beat()
		time.Sleep(7*time.Second + 100*time.Millisecond)
		b.publish([]string{"1"}, "{}")
		for range 3 {
			c.line()
		}
		beat()
	})
}

func TestControlEvents(t *testing.T) {
	run(t, stream.Config{Heartbeat: 10 * time.Second, Lifetime: -1}, defaults, func(b *bench) {
		ids := b.publish([]string{"1"}, "a", "b")
		c := b.open("1&control=1")
		if ev := c.wantEvent("notifier-ready", `{"resumed":false}`); ev.ID != ids[1].String() {
			t.Errorf("ready at %s, want %s", ev.ID, ids[1])
		}
		c.wantEvent("notifier-ping", "{}")
		r := b.open("1&control=1", "Last-Event-ID", ids[0].String())
		if ev := r.wantEvent("notifier-ready", `{"resumed":true}`); ev.ID != ids[0].String() {
			t.Errorf("resumed at %s, want %s", ev.ID, ids[0])
		}
		r.want("b")
		if n := b.hub.Revoke("1"); n != 2 {
			t.Errorf("revoked %d streams", n)
		}
		for _, c := range []*client{c, r} {
			c.wantEvent("notifier-close", `{"reason":"revoked"}`)
			c.wantEnd()
		}
	})
}

func TestStreamsWithoutControlCarryNothingElse(t *testing.T) {
	run(t, stream.Config{}, defaults, func(b *bench) {
		ids := b.publish([]string{"1"}, "a", "b")
		c := b.open("1", "Last-Event-ID", ids[0].String())
		c.want("b")
		b.hub.Revoke("1")
		c.wantEnd()
	})
}

// Each stream has a lifetime of its own, within 20 % of the configured one.
func TestLifetime(t *testing.T) {
	run(t, stream.Config{Lifetime: 10 * time.Minute}, defaults, func(b *bench) {
		start := time.Now()
		ends := map[time.Duration]bool{}
		for range 8 {
			c := b.open("1&control=1")
			for {
				ev, err := c.Next()
				if err != nil {
					t.Fatal(err)
				}
				if ev.Type == "notifier-close" {
					if ev.Data != `{"reason":"lifetime"}` {
						t.Errorf("closed with %s", ev.Data)
					}
					break
				}
			}
			c.wantEnd()
			d := time.Since(start)
			if d < 8*time.Minute-time.Second || d > 12*time.Minute {
				t.Errorf("lived %v", d)
			}
			ends[d] = true
			start = time.Now()
		}
		if len(ends) < 3 {
			t.Errorf("lifetimes are all alike: %v", ends)
		}
	})
}

func TestCredentialExpires(t *testing.T) {
	run(t, stream.Config{Lifetime: -1, Heartbeat: time.Hour}, defaults, func(b *bench) {
		start := time.Now()
		c := b.open("1&control=1&exp=90s")
		c.wantEvent("notifier-ready", `{"resumed":false}`)
		c.wantEvent("notifier-close", `{"reason":"expired"}`)
		if d := time.Since(start); d > 90*time.Second || d < 89*time.Second {
			t.Errorf("expired after %v", d)
		}
		c.wantEnd()
	})
}

// The cap refuses the newcomer, never evicts, and a place that is given up is
// free at once.
func TestStreamsPerToken(t *testing.T) {
	run(t, stream.Config{PerToken: 2}, defaults, func(b *bench) {
		first, second := b.open("1"), b.open("1")
		if c := b.dial("GET", "1"); c.resp.StatusCode != 429 {
			t.Fatalf("third stream: %d", c.resp.StatusCode)
		}
		b.open("2")
		b.publish([]string{"1"}, "still here")
		first.want("still here")
		second.want("still here")
		first.conn.Close()
		synctest.Wait()
		b.open("1")
		if n := b.hub.Count("1"); n != 2 {
			t.Errorf("%d streams", n)
		}
	})
}

// A server that is full or draining, or cannot say who somebody is, answers what
// EventSource survives.
func TestTemporaryTrouble(t *testing.T) {
	turnedAway := func(b *bench, query string) {
		t.Helper()
		c := b.open(query)
		ms, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(c.line(), "retry: ")))
		if err != nil || ms < 5000 || ms > 15000 {
			t.Errorf("retry %d, %v", ms, err)
		}
		c.line()
		c.wantEnd()
	}
	run(t, stream.Config{MaxStreams: 1, Retry: time.Second}, defaults, func(b *bench) {
		c := b.open("2")
		turnedAway(b, "1")
		turnedAway(b, "2&unknown")
		if head := b.dial("HEAD", "2&unknown"); head.resp.StatusCode == http.StatusOK {
			t.Error("HEAD does not say that there is trouble")
		}
		c.conn.Close()
		synctest.Wait()
		c = b.open("2&control=1")
		c.Next()
		b.hub.Drain(0)
		c.wantEvent("notifier-close", `{"reason":"drain"}`)
		c.wantEnd()
		turnedAway(b, "1")
	})
}

// Streams are ended one by one over the time given, and none is opened meanwhile.
func TestDrainIsSpread(t *testing.T) {
	const streams, window = 40, 10 * time.Second
	run(t, stream.Config{}, defaults, func(b *bench) {
		start := time.Now()
		ended := make(chan time.Duration)
		for i := range streams {
			c := b.open(fmt.Sprint(i, "&control=1"))
			go func() {
				for {
					if _, err := c.Next(); err != nil {
						ended <- time.Since(start)
						return
					}
				}
			}()
		}
		synctest.Wait()
		b.hub.Drain(window)
		early := 0
		for range streams {
			if d := <-ended; d > window {
				t.Errorf("a stream ended after %v", d)
			} else if d < window/2 {
				early++
			}
		}
		if early < streams/8 || early > streams*7/8 {
			t.Errorf("%d of %d streams ended in the first half", early, streams)
		}
	})
}

func TestHead(t *testing.T) {
	run(t, stream.Config{}, defaults, func(b *bench) {
		c := b.dial("HEAD", "1")
		if c.resp.StatusCode != 200 || c.resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%d %v", c.resp.StatusCode, c.resp.Header)
		}
		synctest.Wait()
		if n := b.hub.Total(); n != 0 {
			t.Errorf("%d streams", n)
		}
	})
	run(t, stream.Config{PerToken: 1}, defaults, func(b *bench) {
		b.open("1")
		if c := b.dial("HEAD", "1"); c.resp.StatusCode != 429 {
			t.Errorf("HEAD says %d where GET is refused", c.resp.StatusCode)
		}
	})
}

func TestOnline(t *testing.T) {
	run(t, stream.Config{}, defaults, func(b *bench) {
		for i := range 5 {
			b.open(fmt.Sprint(i))
			b.open(fmt.Sprint(i))
		}
		page, total, _ := b.hub.Online("", "1", 2)
		if fmt.Sprint(page) != "[{2 2} {3 2}]" || total != 5 {
			t.Errorf("got %v of %d", page, total)
		}
		if n := b.hub.Counts([]string{"4", "nobody"}); n[0] != 2 || n[1] != 0 {
			t.Errorf("counts %v", n)
		}
	})
}
