package stream_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"notifier"
	"notifier/journal"
	"notifier/stream"
)

// A stream of several tokens gets the events of each, in order, and one for more
// than one of them once; live as well as from the journal.
func TestSeveralTokens(t *testing.T) {
	run(t, stream.Config{}, defaults, func(b *bench) {
		c := b.open("a&token=b&token=c")
		other := b.open("b")
		synctest.Wait()
		ids := b.publish([]string{"a"}, "1")
		b.publish([]string{"a", "b", "c", "x"}, "2")
		b.publish([]string{"b"}, "3", "4")
		b.append(notifier.Publication{All: true, Data: []byte("5")})
		b.append(
			notifier.Publication{Tokens: []string{"c"}, Data: []byte("6"), TTL: time.Hour},
			notifier.Publication{All: true, Except: "b", Data: []byte("7")},
			notifier.Publication{Tokens: []string{"a"}, Data: []byte("8"), TTL: time.Hour})
		c.want("1", "2", "3", "4", "5", "6", "8")
		other.want("2", "3", "4", "5")
		late := b.open("c&token=a&token=b", "Last-Event-ID", ids[0].String())
		late.want("2", "3", "4", "6", "8")
		b.publish([]string{"b"}, "9")
		for _, c := range []*client{c, other, late} {
			c.want("9")
		}
	})
}

// Bursts go through the bounds of pending and tail without a hole or a repetition.
func TestSeveralTokensInABurst(t *testing.T) {
	run(t, stream.Config{}, journal.Options{MaxEvents: 5000}, func(b *bench) {
		c := b.open("a&token=b")
		var want []string
		for i := range 3000 {
			n := fmt.Sprint(i)
			want = append(want, n)
			b.publish([][]string{{"a"}, {"b"}, {"a", "b"}, {"b", "a"}}[i%4], n)
		}
		c.want(want...)
	})
}

func TestCountSeveralTokens(t *testing.T) {
	var mu sync.Mutex
	var changed []string
	cfg := stream.Config{PerToken: 2, Changed: func(token string) {
		mu.Lock()
		defer mu.Unlock()
		changed = append(changed, token)
	}}
	run(t, cfg, defaults, func(b *bench) {
		b.open("a&token=team")
		b.open("b&token=team")
		b.open("c&token=team") // only its own key is limited
		b.open("c")
		if c := b.dial("GET", "c&token=other"); c.resp.StatusCode != http.StatusTooManyRequests {
			t.Errorf("status %d for the third stream of c", c.resp.StatusCode)
		}
		synctest.Wait()
		if got := b.hub.Counts([]string{"a", "b", "c", "team", "other"}); !slices.Equal(got, []int{1, 1, 2, 3, 0}) {
			t.Errorf("counts %v", got)
		}
		page, tokens, streams := b.hub.Online("", "a", 2)
		if want := []stream.Online{{Token: "b", Streams: 1}, {Token: "c", Streams: 2}}; tokens != 4 || streams != 4 || !slices.Equal(page, want) {
			t.Errorf("online %v of %d with %d streams, want %v of 4 with 4", page, tokens, streams, want)
		}
		page, tokens, streams = b.hub.Online("te", "", 2)
		if want := []stream.Online{{Token: "team", Streams: 3}}; tokens != 1 || streams != 3 || !slices.Equal(page, want) {
			t.Errorf("online %v of %d with %d streams, want %v", page, tokens, streams, want)
		}
		if n := b.hub.Revoke("team"); n != 3 {
			t.Errorf("revoked %d", n)
		}
		synctest.Wait()
		if got := b.hub.Counts([]string{"a", "b", "c", "team"}); !slices.Equal(got, []int{0, 0, 1, 0}) {
			t.Errorf("counts after revoking %v", got)
		}
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(changed)
		if want := []string{"a", "a", "b", "b", "c"}; !slices.Equal(changed, want) {
			t.Errorf("changed %v, want %v", changed, want)
		}
	})
}

func TestStats(t *testing.T) {
	var mu sync.Mutex
	var ends []stream.End
	cfg := stream.Config{Ended: func(e stream.End) {
		mu.Lock()
		defer mu.Unlock()
		ends = append(ends, e)
	}}
	run(t, cfg, defaults, func(b *bench) {
		one, two := b.open("1"), b.open("1&token=2")
		synctest.Wait()
		b.publish([]string{"1", "2"}, "x", "y")
		one.want("x", "y")
		two.want("x", "y")
		time.Sleep(3 * time.Second)

		infos := b.hub.Streams("1")
		if len(infos) != 2 || infos[0].State != "live" || infos[0].Events != 2 || infos[0].Waiting != 0 ||
			infos[0].Age < 3*time.Second || infos[0].Position.IsZero() || infos[0].Address == "" {
			t.Errorf("streams %+v", infos)
		}
		if got := b.hub.Streams("2"); len(got) != 1 || b.hub.CloseStream("3", got[0].ID) || !b.hub.CloseStream("2", got[0].ID) {
			t.Errorf("stream of 2: %+v", got)
		}
		two.wantEnd()
		one.conn.Close()
		synctest.Wait()

		s := b.hub.Stats()
		if s.Open != 0 || s.Opened != 2 || s.Deliveries != 4 || s.Closed[stream.Revoked] != 1 || s.Closed[stream.Gone] != 1 || s.Slow != 0 || s.CatchingUp != 0 {
			t.Errorf("stats %+v", s)
		}
		var seen, bytes uint64
		for _, n := range s.Latency.Counts {
			seen += n
		}
		mu.Lock()
		defer mu.Unlock()
		for _, e := range ends {
			bytes += e.Bytes
			if e.Events != 2 || e.Duration < 3*time.Second || e.Token != "1" {
				t.Errorf("end %+v", e)
			}
		}
		if len(ends) != 2 || bytes != s.Bytes || bytes == 0 || seen == 0 {
			t.Errorf("%d ends with %d bytes of %d; %d latencies", len(ends), bytes, s.Bytes, seen)
		}
	})
}
