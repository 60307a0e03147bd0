package limit

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"notifier"
)

var anyone = &notifier.Publisher{Name: "anyone"}

// refusedBy is the setting that refused, "" if none did.
func refusedBy(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	refused, ok := errors.AsType[*notifier.LimitError](err)
	if !ok {
		t.Fatalf("not a LimitError: %v", err)
	}
	return refused.Limit
}

// After what comes at once, exactly N a second pass, however often it is tried, and
// nothing is saved up beyond a second.
func TestPublishRate(t *testing.T) {
	for _, n := range []int{1, 3, 7, 100} {
		synctest.Test(t, func(t *testing.T) {
			p := NewPublishing(n, 0)
			pass := func(length time.Duration) (passed int) {
				for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(time.Millisecond) {
					if p.Allow(anyone, nil) == nil {
						passed++
					}
				}
				return passed
			}
			if got := pass(10 * time.Second); got != n+10*n-1 && got != n+10*n {
				t.Errorf("%d/s: %d passed in the first 10 s, want %d", n, got, n+10*n)
			}
			if got := pass(10 * time.Second); got < 10*n-1 || got > 10*n+1 {
				t.Errorf("%d/s: %d passed in the next 10 s, want %d", n, got, 10*n)
			}
			time.Sleep(time.Hour)
			if got := pass(time.Millisecond * 1); got != 1 {
				t.Errorf("%d passed", got)
			}
			for range n - 1 {
				if err := p.Allow(anyone, nil); err != nil {
					t.Errorf("after an hour of silence: %v", err)
				}
			}
		})
	}
}

// Whoever waits as long as it is told gets through, and not before.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPublishing(3, 0)
		for range 3 {
			p.Allow(anyone, nil)
		}
		for range 10 {
			refused, _ := errors.AsType[*notifier.LimitError](p.Allow(anyone, nil))
			if refused == nil || refused.After <= 0 || refused.After > time.Second/3 {
				t.Fatalf("%+v", refused)
			}
			time.Sleep(refused.After - time.Microsecond)
			if p.Allow(anyone, nil) == nil {
				t.Fatal("passed too early")
			}
			time.Sleep(2 * time.Microsecond)
			if err := p.Allow(anyone, nil); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A publisher's own rate goes before the general one, and publishers do not share.
func TestPublisherRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPublishing(2, 0)
		for _, c := range []struct {
			who    *notifier.Publisher
			passes int
		}{{anyone, 2}, {&notifier.Publisher{Name: "slow", Rate: 1}, 1}, {&notifier.Publisher{Name: "fast", Rate: 50}, 50}} {
			for range c.passes {
				if err := p.Allow(c.who, nil); err != nil {
					t.Errorf("%s: %v", c.who.Name, err)
				}
			}
			if got := refusedBy(t, p.Allow(c.who, nil)); got != "publish-rate" {
				t.Errorf("%s: refused by %q", c.who.Name, got)
			}
		}
	})
}

// What is too much for one token takes nothing from the others, nor from the
// publisher.
func TestTokenRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPublishing(5, 2)
		allow := func(want string, tokens ...string) {
			t.Helper()
			if got := refusedBy(t, p.Allow(anyone, tokens)); got != want {
				t.Fatalf("%v: refused by %q, want %q", tokens, got, want)
			}
		}
		allow("", "a")
		allow("", "a", "b")
		for range 10 {
			allow("token-rate", "b", "c", "a")
		}
		allow("", "b", "c")
		allow("", "c")
		allow("", "d")
		allow("publish-rate", "d")
		time.Sleep(500 * time.Millisecond)
		allow("", "a", "b", "c")
		allow("token-rate", "a", "x")
		allow("", "d")
	})
}

// Rates that change hold from then on, also for those who are known.
func TestSetRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPublishing(1, 0)
		p.Allow(anyone, nil)
		p.Set(0, 0)
		if err := p.Allow(anyone, nil); err != nil {
			t.Error(err)
		}
		p.Set(1000, 0)
		for i := range 1000 {
			if err := p.Allow(anyone, nil); err != nil {
				t.Fatal(i, err)
			}
		}
		p.Set(0, 1)
		p.Allow(anyone, []string{"a"})
		if got := refusedBy(t, p.Allow(anyone, []string{"a"})); got != "token-rate" {
			t.Errorf("refused by %q", got)
		}
	})
}

// Who was quiet is forgotten, however many there were.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPublishing(0, 1)
		for second := range 100 {
			for i := range 1000 {
				p.Allow(anyone, []string{fmt.Sprintf("%d-%d", second, i)})
			}
			if kept := len(p.tokens.young) + len(p.tokens.old); kept > 4000 {
				t.Fatalf("%d buckets are kept", kept)
			}
			for range 9 {
				time.Sleep(100 * time.Millisecond)
				p.Allow(anyone, []string{"another"})
			}
			if got := refusedBy(t, p.Allow(anyone, []string{fmt.Sprintf("%d-5", second)})); got != "token-rate" {
				t.Fatalf("forgotten too early: refused by %q", got)
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// Many at once get as many as there are.
func TestConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPublishing(50, 0)
		passed := make(chan int, 100)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if p.Allow(anyone, nil) == nil {
					passed <- 1
				}
			})
		}
		all.Wait()
		if len(passed) != 50 {
			t.Errorf("%d passed", len(passed))
		}
	})
}

func BenchmarkAllow(b *testing.B) {
	wide := make([]string, notifier.MaxTokens)
	for i := range wide {
		wide[i] = fmt.Sprint(i)
	}
	for name, p := range map[string]*Publishing{
		"none":      NewPublishing(0, 0),
		"publisher": NewPublishing(1_000_000_000, 0),
		"both":      NewPublishing(1_000_000_000, 1_000_000_000),
	} {
		for _, tokens := range [][]string{wide[:1], wide} {
			b.Run(fmt.Sprintf("%s/%d", name, len(tokens)), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := p.Allow(anyone, tokens); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// Without a rate of tokens a publication to ten thousand costs no more than one to
// one.
func TestWideIsFree(t *testing.T) {
	p, wide := NewPublishing(1_000_000, 0), make([]string, notifier.MaxTokens)
	p.Allow(anyone, wide)
	if len(p.tokens.young) != 0 {
		t.Error("tokens are counted")
	}
	if n := testing.AllocsPerRun(10, func() { p.Allow(anyone, wide) }); n > 2 {
		t.Errorf("%v allocations", n)
	}
}
