package config

import (
	"net/netip"
	"time"
)

func (c *Config) checkLimits(m *mistakes) {
	notNegative(m, "streams-per-token", c.StreamsPerToken)
	notNegative(m, "streams-per-ip", c.StreamsPerIP)
	notNegative(m, "max-streams", c.MaxStreams)
	within(m, "connect-rate", c.ConnectRate, 0, maxRate)
	within(m, "publish-rate", c.PublishRate, 0, maxRate)
	within(m, "token-rate", c.TokenRate, 0, maxRate)
	within(m, "request-timeout", c.RequestTimeout, time.Second, 10*time.Minute)
	for _, p := range c.TrustedProxy {
		if _, ok := proxy(p); !ok {
			m.add("trusted-proxy", "%q must be a network or an address, as 10.0.0.0/8 or 192.0.2.1", p)
		}
	}
	if c.AccessLog != "off" && c.AccessLog != "publishes" && c.AccessLog != "all" {
		m.add("access-log", "%q must be off, publishes or all", c.AccessLog)
	}
}

// maxRate is a second's worth of anything that no server does.
const maxRate = 1_000_000_000

// Proxies are the networks of TrustedProxy, which must be valid.
func (c *Config) Proxies() []netip.Prefix {
	networks := make([]netip.Prefix, 0, len(c.TrustedProxy))
	for _, p := range c.TrustedProxy {
		if network, ok := proxy(p); ok {
			networks = append(networks, network)
		}
	}
	return networks
}

// proxy reads a network, or an address, which is a network of one.
func proxy(s string) (netip.Prefix, bool) {
	network, err := netip.ParsePrefix(s)
	if err != nil {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, false
		}
		network = netip.PrefixFrom(addr, addr.BitLen())
	}
	return network, !network.Addr().Is4In6() // addresses are compared as IPv4
}
