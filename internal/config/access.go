package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// Development reports whether only this machine can reach the server and no
// credential is configured: then there is nothing to prove, and the demo page is
// served.
func (c *Config) Development() bool {
	return c.Auth == "open" && !c.HasPublishers() && isLoopback(c.Listen) && (c.AdminListen == "" || isLoopback(c.AdminListen))
}

// HasPublishers reports whether a request to publish must prove who it is from.
func (c *Config) HasPublishers() bool {
	return len(c.APIKey) > 0 || c.APIKeys != "" || c.JWTPublish
}

// LocalOnly reports whether the server is open only because it is for programs and
// pages of this machine: what comes from elsewhere, through a proxy say, must be
// refused.
func (c *Config) LocalOnly() bool { return c.Auth == "open" && !c.InsecureOpen }

// isLoopback reports whether only this machine can reach a listener at addr. An
// empty host is every address of the machine.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (c *Config) checkAccess(m *mistakes) {
	c.checkOpen(m)
	for _, o := range c.AllowOrigin {
		switch {
		case o == "*" && len(c.AllowOrigin) > 1:
			m.add("allow-origin", "* must be the only one: no page may send credentials then, and so the others could not either")
		case o != "*" && !isOrigin(o):
			m.add("allow-origin", "%q must be * or an origin, as https://example.com, or https://*.example.com for all names below one", o)
		}
	}
	if !cookieName.MatchString(c.Cookie) {
		m.add("cookie", "%q must be a cookie name: letters, digits and !#$%%&'*+-.^_`|~", c.Cookie)
	}
}

// checkOpen refuses what would be open to strangers without anybody having said so.
func (c *Config) checkOpen(m *mistakes) {
	const (
		publish = "who may publish (--api-key NAME=HASH; notifier key new makes a key)"
		read    = "who may read (--auth jwt or --auth introspect)"
		unless  = "or --insecure-open if a proxy or firewall keeps strangers out"
	)
	anyonePublishes, anyoneReads := !c.HasPublishers(), c.Auth == "open"
	_, _, err := net.SplitHostPort(c.Listen)
	switch {
	case err != nil || c.InsecureOpen:
	case anyoneReads && isLoopback(c.Listen):
	case anyoneReads && anyonePublishes:
		m.add("listen", "%q can be reached from other machines, and whoever reaches it could publish, and read any stream; set %s and %s, %s; or listen on 127.0.0.1", c.Listen, publish, read, unless)
	case anyoneReads:
		m.add("auth", "open would let whoever reaches %q read any stream; set %s, %s", c.Listen, read, unless)
	case anyonePublishes:
		m.add("api-key", "anyone could publish; set %s, %s", publish, unless)
	}
}

// originHost matches the host of an origin with its port, if it has one. Browsers
// send names in lower case, and an IPv6 address in brackets.
var originHost = regexp.MustCompile(`^([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[0-9]+)?$`)

// isOrigin reports whether o is what browsers send as Origin: scheme, host and,
// if it is not the scheme's own, port. A pattern has * for the first part of a name
// with at least two more: below a single one are everybody's names.
func isOrigin(o string) bool {
	u, err := url.Parse(o)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || o != u.Scheme+"://"+u.Host {
		return false
	}
	if u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		return false
	}
	host, isPattern := strings.CutPrefix(u.Host, "*.")
	return originHost.MatchString(host) && (!isPattern || strings.Contains(host, ".") && host[0] != '[')
}
