package config

import (
	"strings"
	"testing"
	"time"
)

// TestValidateAuth changes a configuration that has JWTs; "" is for no mistake.
func TestValidateAuth(t *testing.T) {
	const unused = "has no effect unless auth is jwt, or jwt-publish is set"
	for _, tt := range []struct {
		name    string
		change  func(*Config)
		message string
	}{
		{"a key", func(c *Config) {}, ""},
		{"a file", func(c *Config) { c.JWTKey = "@keys.pem" }, ""},
		{"a URL", func(c *Config) { c.JWTKey, c.JWKSURL = "", "http://localhost:1/jwks.json?x=y" }, ""},
		{"everything", func(c *Config) {
			c.JWTAlgorithm, c.JWTIssuer, c.JWTAudience, c.JWTListClaim, c.JWTLeeway = algorithms, "i", "a", "groups", 0
		}, ""},
		{"for publishers", func(c *Config) { c.Auth, c.JWTPublish = "open", true }, ""},
		{"mode", func(c *Config) { c.Auth, c.JWTKey = "JWT", "" }, `auth: "JWT" must be open, jwt or introspect`},
		{"neither key nor URL", func(c *Config) { c.JWTKey = "" }, "jwt-key: must be set, or jwks-url"},
		{"neither, for publishers", func(c *Config) { c.Auth, c.JWTPublish, c.JWTKey = "open", true, "" }, "jwt-key: must be set, or jwks-url"},
		{"key and URL", func(c *Config) { c.JWKSURL = "https://a.example/" }, "jwks-url: and jwt-key must not both be set"},
		{"key without effect", func(c *Config) { c.Auth = "open" }, "jwt-key: " + unused},
		{"URL without effect", func(c *Config) { c.Auth, c.JWTKey, c.JWKSURL = "open", "", "https://a.example/" }, "jwks-url: " + unused},
		{"issuer without effect", func(c *Config) { c.Auth, c.JWTKey, c.JWTIssuer = "open", "", "i" }, "jwt-issuer: " + unused},
		{"audience without effect", func(c *Config) { c.Auth, c.JWTKey, c.JWTAudience = "open", "", "a" }, "jwt-audience: " + unused},
		{"algorithm without effect", func(c *Config) { c.Auth, c.JWTKey, c.JWTAlgorithm = "open", "", algorithms }, "jwt-algorithm: " + unused},
		{"list claim without effect", func(c *Config) { c.Auth, c.JWTKey, c.JWTListClaim = "open", "", "groups" }, "jwt-list-claim: " + unused},
		{"algorithm none", func(c *Config) { c.JWTAlgorithm = []string{"ES256", "none"} }, `jwt-algorithm: "none" must be one of HS256, `},
		{"algorithm in other case", func(c *Config) { c.JWTAlgorithm = []string{"es256"} }, `jwt-algorithm: "es256" must be`},
		{"algorithm of a secret", func(c *Config) { c.JWTKey, c.JWKSURL, c.JWTAlgorithm = "", "https://a.example/", []string{"HS256"} }, "jwt-algorithm: HS256 needs a secret"},
		{"URL of another scheme", func(c *Config) { c.JWTKey, c.JWKSURL = "", "file:///jwks.json" }, "jwks-url: must be like https://"},
		{"URL without host", func(c *Config) { c.JWTKey, c.JWKSURL = "", "/jwks.json" }, "jwks-url: must be like https://"},
		{"URL with a password", func(c *Config) { c.JWTKey, c.JWKSURL = "", "https://a:s3cret@a.example/" }, "jwks-url: must be like https://"},
		{"leeway", func(c *Config) { c.JWTLeeway = -time.Second }, "jwt-leeway: -1s must be between 0s and 10m0s"},
		{"claim", func(c *Config) { c.JWTClaim = "" }, "jwt-claim: must name a claim"},
		{"the claim twice", func(c *Config) { c.JWTListClaim = "sub" }, "jwt-list-claim: must be another one than jwt-claim"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
			c.Auth, c.JWTKey = "jwt", "s3cret"
			c.APIKey = []string{"a=sha256:1"}
			tt.change(&c)
			err := c.Validate()
			if tt.message == "" {
				checkError(t, err)
				return
			}
			checkError(t, err, tt.message)
			if err != nil && (strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("one mistake, several messages, or a secret: %v", err)
			}
		})
	}
}
