package limit

import (
	"net/netip"
	"sync"
	"time"
)

// Connects are the limits of opening streams. Zero is no limit.
type Connects struct {
	// Token and Address are how often one of them may open a stream.
	Token, Address Pace
	// Open is how many streams one address may have open.
	Open int
}

// Connecting limits how streams are opened.
//
// An IPv6 address stands for its /64, which is what one subscriber is given.
type Connecting struct {
	mu        sync.Mutex
	limits    Connects
	tokens    buckets[string]
	addresses buckets[netip.Addr]
	open      map[netip.Addr]int // no zeros
}

// NewConnecting holds to the limits given.
func NewConnecting(limits Connects) *Connecting {
	return &Connecting{limits: limits, open: map[netip.Addr]int{}}
}

// Set changes the limits. If there was no limit of open streams, those that are open
// already are not counted.
func (c *Connecting) Set(limits Connects) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limits = limits
}

// Admit counts a stream that opens, or refuses it. release must be called once when
// the stream has ended; it is nil if there is nothing to release.
func (c *Connecting) Admit(token string, addr netip.Addr) (release func(), err error) {
	addr = subscriber(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.limits
	if l.Open > 0 && c.open[addr] >= l.Open {
		return nil, refusal("streams-per-ip", 0, "this address has as many open streams as it may have; close one first")
	}
	t := taking{now: time.Now()}
	if l.Token.Rate > 0 {
		if wait := t.take(c.tokens.reserve(token, l.Token, t.now)); wait > 0 {
			return nil, refusal("connect-rate", wait, "this token opens streams too often: more than %d a second", l.Token.Rate)
		}
	}
	if l.Address.Rate > 0 {
		if wait := t.take(c.addresses.reserve(addr, l.Address, t.now)); wait > 0 {
			return nil, refusal("connect-rate", wait, "this address opens streams too often: more than %d a second", l.Address.Rate)
		}
	}
	if l.Open == 0 {
		return nil, nil
	}
	c.open[addr]++
	return func() { c.close(addr) }, nil
}

func (c *Connecting) close(addr netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[addr]--; c.open[addr] == 0 {
		delete(c.open, addr)
	}
}

// subscriber is whom an address stands for.
func subscriber(addr netip.Addr) netip.Addr {
	if addr.Is6() {
		prefix, _ := addr.Prefix(64) // fails for other families only
		return prefix.Addr()
	}
	return addr
}
