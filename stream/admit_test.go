package stream_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"notifier"
	"notifier/journal"
	"notifier/stream"
)

// Whatever becomes of a stream that was counted, it is released once: it ends, the
// client goes away, the server or the token is full, or it was HEAD only.
func TestAdmit(t *testing.T) {
	var counted, open, refuse atomic.Int64
	var turned atomic.Value
	cfg := stream.Config{PerToken: 1, MaxStreams: 2, Lifetime: -1, TurnedAway: func(why string) { turned.Store(why) }}
	cfg.Admit = func(*http.Request, notifier.Identity) (func(), error) {
		if refuse.Load() > 0 {
			return nil, notifier.ErrTooManyStreams
		}
		counted.Add(1)
		open.Add(1)
		return func() { open.Add(-1) }, nil
	}
	run(t, cfg, journal.Options{}, func(b *bench) {
		want := func(wantCounted, wantOpen int64) {
			t.Helper()
			synctest.Wait()
			if c, o := counted.Load(), open.Load(); c != wantCounted || o != wantOpen {
				t.Errorf("%d counted, %d open, want %d and %d", c, o, wantCounted, wantOpen)
			}
		}
		status := func(method, token string, want int) *client {
			t.Helper()
			c := b.dial(method, token)
			if c.resp.StatusCode != want {
				t.Errorf("%s %s: %d, want %d", method, token, c.resp.StatusCode, want)
			}
			return c
		}
		first := status("GET", "1", 200)
		want(1, 1)
		status("HEAD", "2", 200)
		want(2, 1)
		status("GET", "1", 429)
		want(3, 1)
		status("GET", "2", 200)
		want(4, 2)
		status("GET", "3", 200) // turned away
		want(5, 2)
		if why := turned.Load(); why != "max-streams" {
			t.Errorf("turned away because of %v", why)
		}
		refuse.Store(1)
		status("GET", "4", 429)
		status("HEAD", "4", 429)
		want(5, 2)
		first.conn.Close()
		want(5, 1)
		b.hub.Revoke("2")
		time.Sleep(time.Second)
		want(5, 0)
		b.hub.Drain(0)
		status("GET", "5", 200)
		want(5, 0)
		if why := turned.Load(); why != "drain" {
			t.Errorf("turned away because of %v", why)
		}
	})
	if open.Load() != 0 {
		t.Error("not all were released")
	}
}
