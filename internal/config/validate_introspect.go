package config

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// ownHeaders are what the server itself says of a request that it makes, and what
// belongs to a single connection: a subscriber's must not be passed on.
var ownHeaders = []string{
	"Accept", "Connection", "Content-Length", "Content-Type", "Expect", "Host", "Keep-Alive", "Proxy-Authorization",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

func (c *Config) checkIntrospection(m *mistakes) {
	if c.Auth == "introspect" && c.IntrospectURL == "" {
		m.add("introspect-url", "must be set for auth introspect: it is what is asked")
	}
	if c.IntrospectURL != "" && !isHTTP(c.IntrospectURL) {
		m.add("introspect-url", "must be like https://login.example.com/introspect, without a password in it")
	}
	for _, name := range c.IntrospectForward {
		switch canonical := http.CanonicalHeaderKey(name); {
		case name == "" || !cookieName.MatchString(name): // both are what HTTP calls a token
			m.add("introspect-forward", "%q must be the name of a header, as Cookie", name)
		case slices.Contains(ownHeaders, canonical):
			m.add("introspect-forward", "%s cannot be passed on", canonical)
		case canonical == "Authorization" && c.IntrospectSecret != "":
			m.add("introspect-forward", "and introspect-secret would both be Authorization")
		}
	}
	secret, err := c.IntrospectSecret.Read()
	switch {
	case err != nil:
		m.add("introspect-secret", "%v", err)
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		m.add("introspect-secret", "must be ASCII without spaces, to go into a header")
	}
	within(m, "introspect-timeout", c.IntrospectTimeout, 100*time.Millisecond, 30*time.Second)
	within(m, "introspect-cache", c.IntrospectCache, 0, time.Hour)
}

// leastKey is below what a secret that signs could be guessed by who has a signature.
const leastKey = 32

func (c *Config) checkTickets(m *mistakes) {
	within(m, "ticket-ttl", c.TicketTTL, time.Second, 24*time.Hour)
	if c.TicketKey == "" {
		return
	}
	switch key, err := c.TicketKey.Read(); {
	case err != nil:
		m.add("ticket-key", "%v", err)
	case len(key) < leastKey:
		m.add("ticket-key", "must be at least %d bytes, and random: openssl rand -base64 32", leastKey)
	}
}
