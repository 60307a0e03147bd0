package limit

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	home   = netip.MustParseAddr("192.0.2.1")
	office = netip.MustParseAddr("192.0.2.2")
)

// A token's tabs may all come back at once; one that comes back over and over may
// not.
func TestConnectRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewConnecting(Connects{Token: Pace{Rate: 10, Burst: 20}})
		admit := func(token string) string {
			release, err := c.Admit(token, home)
			if release != nil {
				t.Error("something to release")
			}
			return refusedBy(t, err)
		}
		for i := range 20 {
			if by := admit("a"); by != "" {
				t.Fatalf("tab %d: refused by %q", i, by)
			}
		}
		passed := 0
		for range 10_000 {
			time.Sleep(time.Millisecond)
			if by := admit("a"); by == "" {
				passed++
			} else if by != "connect-rate" {
				t.Fatalf("refused by %q", by)
			}
		}
		if passed < 99 || passed > 100 {
			t.Errorf("%d passed in 10 s", passed)
		}
		if by := admit("b"); by != "" {
			t.Errorf("another token: refused by %q", by)
		}
	})
}

// An address is limited too, and what it is refused is not counted for the token.
func TestAddressRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewConnecting(Connects{Token: Pace{1, 2}, Address: Pace{1, 3}})
		for i, s := range []struct {
			token string
			addr  netip.Addr
			by    string
		}{
			{"a", home, ""}, {"b", home, ""}, {"b", home, ""},
			{"a", home, "connect-rate"},
			{"a", office, ""},
			{"a", office, "connect-rate"},
			{"c", office, ""}, {"c", office, ""},
			{"d", office, "connect-rate"},
		} {
			if _, err := c.Admit(s.token, s.addr); refusedBy(t, err) != s.by {
				t.Errorf("%d: %v", i, err)
			}
		}
	})
}

// Open streams of an address are counted exactly, also while many open and close.
func TestOpenStreams(t *testing.T) {
	c := NewConnecting(Connects{Open: 3})
	var releases []func()
	for range 3 {
		release, err := c.Admit("a", home)
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, release)
	}
	if _, err := c.Admit("b", home); refusedBy(t, err) != "streams-per-ip" {
		t.Errorf("the fourth: %v", err)
	}
	other, err := c.Admit("a", office)
	if err != nil {
		t.Errorf("another address: %v", err)
	}
	releases[0]()
	again, err := c.Admit("a", home)
	if err != nil {
		t.Errorf("after one has ended: %v", err)
	}
	for _, release := range append(releases[1:], other, again) {
		release()
	}
	if len(c.open) != 0 {
		t.Errorf("still counted: %v", c.open)
	}
}

func TestOpenStreamsConcurrently(t *testing.T) {
	c := NewConnecting(Connects{Open: 5})
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			for range 200 {
				addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 3)})
				if release, err := c.Admit("a", addr); err == nil {
					release()
				}
			}
		})
	}
	all.Wait()
	if len(c.open) != 0 {
		t.Errorf("still counted: %v", c.open)
	}
}

// A refusal by rate leaves no open stream behind.
func TestRefusedIsNotOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewConnecting(Connects{Token: Pace{1, 1}, Open: 2})
		first, err := c.Admit("a", home)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if _, err := c.Admit("a", home); refusedBy(t, err) != "connect-rate" {
				t.Fatal(err)
			}
		}
		first()
		if len(c.open) != 0 {
			t.Errorf("still counted: %v", c.open)
		}
	})
}

// A limit of open streams that comes or goes at run time does not confuse the count.
func TestSetConnects(t *testing.T) {
	c := NewConnecting(Connects{})
	if release, err := c.Admit("a", home); release != nil || err != nil {
		t.Errorf("counted without a limit: %v", err)
	}
	c.Set(Connects{Open: 1})
	release, err := c.Admit("a", home)
	if err != nil {
		t.Fatal(err)
	}
	c.Set(Connects{})
	release()
	c.Set(Connects{Open: 1})
	if _, err := c.Admit("a", home); err != nil {
		t.Error(err)
	}
}

// The addresses of one /64 are one subscriber's.
func TestIPv6(t *testing.T) {
	c := NewConnecting(Connects{Open: 1})
	for _, s := range []struct{ addr, by string }{
		{"2001:db8::1", ""}, {"2001:db8::2", "streams-per-ip"}, {"2001:db8:0:1::1", ""}, {"192.0.2.1", ""}, {"192.0.2.2", ""},
	} {
		if _, err := c.Admit("a", netip.MustParseAddr(s.addr)); refusedBy(t, err) != s.by {
			t.Errorf("%s: %v", s.addr, err)
		}
	}
}

func TestConnectsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewConnecting(Connects{Token: Pace{10, 20}})
		for i := range 50_000 {
			c.Admit(fmt.Sprint(i), home)
			time.Sleep(time.Millisecond)
		}
		if kept := len(c.tokens.young) + len(c.tokens.old); kept > 4100 {
			t.Errorf("%d buckets are kept", kept)
		}
	})
}
