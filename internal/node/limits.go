package node

import (
	"net/http"
	"net/netip"
	"sync/atomic"

	"notifier"
	"notifier/internal/config"
	"notifier/internal/limit"
)

// limits is how often, and how many: of publishers, tokens and addresses.
type limits struct {
	publishing *limit.Publishing
	connecting *limit.Connecting
	proxies    atomic.Pointer[limit.Proxies]
}

func newLimits(cfg *config.Config) *limits {
	l := &limits{
		publishing: limit.NewPublishing(cfg.PublishRate, cfg.TokenRate),
		connecting: limit.NewConnecting(connects(cfg)),
	}
	l.trust(cfg)
	return l
}

// reloadLimits is a [reload].
func (n *Node) reloadLimits(cfg config.Config) (apply func(), err error) {
	return func() {
		most := maxStreams(cfg.MaxStreams, n.files)
		n.maxStreams.Store(int64(most))
		n.hub.Limit(cfg.StreamsPerToken, most)
		n.limits.publishing.Set(cfg.PublishRate, cfg.TokenRate)
		n.limits.connecting.Set(connects(&cfg))
		n.limits.trust(&cfg)
	}, nil
}

func (l *limits) trust(cfg *config.Config) {
	proxies := limit.Proxies(cfg.Proxies())
	l.proxies.Store(&proxies)
}

// connects is how often streams may be opened. Twice as many as a token may have open
// may come at once: that is what its tabs do after a restart, and after one that
// failed. So where there is no end to a token's streams, as with one that everybody
// shares, there is none to its rate.
//
// An address may do as many times more as it may have more streams open than a
// token. Without proxies to trust it may be that of one in front of everybody: then
// only its open streams are limited, if that is asked for.
func connects(cfg *config.Config) limit.Connects {
	c := limit.Connects{Open: cfg.StreamsPerIP}
	if cfg.ConnectRate == 0 || cfg.StreamsPerToken == 0 {
		return c
	}
	c.Token = pace(cfg.ConnectRate, cfg.StreamsPerToken)
	if cfg.StreamsPerIP > 0 && len(cfg.TrustedProxy) > 0 {
		more := float64(cfg.StreamsPerIP) / float64(cfg.StreamsPerToken)
		c.Address = pace(int(float64(cfg.ConnectRate)*max(more, 1)), cfg.StreamsPerIP)
	}
	return c
}

func pace(rate, open int) limit.Pace { return limit.Pace{Rate: rate, Burst: max(rate, 2*open)} }

// client is the address that a request is from.
func (l *limits) client(r *http.Request) netip.Addr { return l.proxies.Load().Client(r) }

// admit is for [stream.Config].
func (l *limits) admit(r *http.Request, who notifier.Identity) (release func(), err error) {
	return l.connecting.Admit(who.Keys[0], l.client(r))
}
