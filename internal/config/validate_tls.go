package config

import (
	"net/mail"
	"net/url"
	"regexp"
)

// domain is a name that an authority can look up: at least two labels, in the form
// that DNS has. Wildcards would need another proof than the listener can give.
var domain = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?i:[a-z]|xn--)(?i:[a-z0-9-]{0,61}[a-z0-9])$`)

func (c *Config) checkTLS(m *mistakes) {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		m.add("tls-cert", "and tls-key must be set together")
	}
	if len(c.ACMEDomain) > 0 {
		c.checkACME(m)
		return
	}
	if c.ACMEEmail != "" {
		m.add("acme-email", "is for acme-domain, which is not set")
	}
	if c.ACMEURL != "" {
		m.add("acme-url", "is for acme-domain, which is not set")
	}
}

func (c *Config) checkACME(m *mistakes) {
	for _, name := range c.ACMEDomain {
		if len(name) > 253 || !domain.MatchString(name) {
			m.add("acme-domain", "%q must be a name in DNS, as events.example.com; a wildcard or an address is none", name)
		}
	}
	if c.TLSCert != "" {
		m.add("acme-domain", "cannot be used together with tls-cert: take one of them away")
	}
	if c.Data == Memory {
		m.add("acme-domain", "needs a directory for its certificates: set data to one")
	}
	if a, err := mail.ParseAddress(c.ACMEEmail); c.ACMEEmail != "" && (err != nil || a.Address != c.ACMEEmail) {
		m.add("acme-email", "%q must be an address, as admin@example.com", c.ACMEEmail)
	}
	if u, err := url.Parse(c.ACMEURL); c.ACMEURL != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		m.add("acme-url", "%q must be like https://acme-v02.api.letsencrypt.org/directory", c.ACMEURL)
	}
}
