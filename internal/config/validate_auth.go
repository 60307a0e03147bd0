package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

var (
	modes      = []string{"open", "jwt", "introspect"}
	algorithms = []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)

func (c *Config) checkAuth(m *mistakes) {
	if !slices.Contains(modes, c.Auth) {
		m.add("auth", "%q must be open, jwt or introspect", c.Auth)
	}
	c.checkJWTKeys(m)
	for _, a := range c.JWTAlgorithm {
		switch {
		case !slices.Contains(algorithms, a):
			m.add("jwt-algorithm", "%q must be one of %s", a, strings.Join(algorithms, ", "))
		case c.JWKSURL != "" && strings.HasPrefix(a, "HS"):
			m.add("jwt-algorithm", "%s needs a secret, and jwks-url has public keys", a)
		}
	}
	within(m, "jwt-leeway", c.JWTLeeway, 0, 10*time.Minute)
	switch {
	case c.JWTClaim == "":
		m.add("jwt-claim", "must name a claim")
	case c.JWTClaim == c.JWTListClaim:
		m.add("jwt-list-claim", "must be another one than jwt-claim")
	}
}

// checkJWTKeys wants the keys of JWTs where those are used, once, and nowhere else.
func (c *Config) checkJWTKeys(m *mistakes) {
	switch used := c.Auth == "jwt" || c.JWTPublish; {
	case !used:
		for setting, set := range map[string]bool{
			"jwt-key": c.JWTKey != "", "jwks-url": c.JWKSURL != "", "jwt-algorithm": len(c.JWTAlgorithm) > 0,
			"jwt-issuer": c.JWTIssuer != "", "jwt-audience": c.JWTAudience != "", "jwt-list-claim": c.JWTListClaim != "",
		} {
			if set {
				m.add(setting, "has no effect unless auth is jwt, or jwt-publish is set")
			}
		}
	case c.JWTKey == "" && c.JWKSURL == "":
		m.add("jwt-key", "must be set, or jwks-url, to know good JWTs by")
	case c.JWTKey != "" && c.JWKSURL != "":
		m.add("jwks-url", "and jwt-key must not both be set")
	}
	if c.JWKSURL != "" && !isHTTP(c.JWKSURL) {
		m.add("jwks-url", "must be like https://login.example.com/jwks.json, without a password in it")
	}
}

// isHTTP reports whether a URL is one to call, and safe to show.
func isHTTP(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.Fragment == ""
}
