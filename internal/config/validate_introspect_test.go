package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestValidateIntrospection changes a configuration that asks a backend.
func TestValidateIntrospection(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("a\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		change  func(*Config)
		message string
	}{
		{"nothing more", func(c *Config) {}, ""},
		{"no URL", func(c *Config) { c.IntrospectURL = "" }, "introspect-url: must be set for auth introspect: it is what is asked"},
		{"a path", func(c *Config) { c.IntrospectURL = "/introspect" }, "introspect-url: must be like https://login.example.com/introspect"},
		{"another scheme", func(c *Config) { c.IntrospectURL = "ftp://example.com/" }, "introspect-url: must be like https://login.example.com/introspect"},
		{"no host", func(c *Config) { c.IntrospectURL = "http:///a" }, "introspect-url: must be like https://login.example.com/introspect"},
		{"a URL with everything", func(c *Config) { c.IntrospectURL = "https://[::1]:8443/a?b=c" }, ""},
		{"a URL with a password", func(c *Config) { c.IntrospectURL = "https://u:p@example.com/" }, "without a password in it"},
		{"headers", func(c *Config) { c.IntrospectForward = []string{"cookie", "Authorization", "X-Forwarded-For"} }, ""},
		{"no header", func(c *Config) { c.IntrospectForward = []string{"a b"} }, `introspect-forward: "a b" must be the name of a header`},
		{"a connection's header", func(c *Config) { c.IntrospectForward = []string{"connection"} }, "introspect-forward: Connection cannot be passed on"},
		{"Host", func(c *Config) { c.IntrospectForward = []string{"Host"} }, "introspect-forward: Host cannot be passed on"},
		{"Authorization of both", func(c *Config) { c.IntrospectForward, c.IntrospectSecret = []string{"authorization"}, "s" }, "introspect-forward: and introspect-secret would both be Authorization"},
		{"a cookie and a secret", func(c *Config) { c.IntrospectForward, c.IntrospectSecret = []string{"Cookie"}, "s" }, ""},
		{"a secret of two lines", func(c *Config) { c.IntrospectSecret = Secret("@" + secret) }, "introspect-secret: must be ASCII without spaces"},
		{"a secret in no file", func(c *Config) { c.IntrospectSecret = Secret("@" + secret + ".not") }, "introspect-secret: open "},
		{"timeout", func(c *Config) { c.IntrospectTimeout = 0 }, "introspect-timeout: 0s must be between 100ms and 30s"},
		{"cache", func(c *Config) { c.IntrospectCache = -1 }, "introspect-cache: -1ns must be between 0s and 1h0m0s"},
		{"no cache", func(c *Config) { c.IntrospectCache = 0 }, ""},

		{"ticket-ttl", func(c *Config) { c.TicketTTL = time.Second - 1 }, "ticket-ttl: 999.999999ms must be between 1s and 24h0m0s"},
		{"ticket-key", func(c *Config) { c.TicketKey = Secret(strings.Repeat("x", 32)) }, ""},
		{"a ticket-key that is short", func(c *Config) { c.TicketKey = Secret(strings.Repeat("x", 31)) }, "ticket-key: must be at least 32 bytes, and random: openssl rand -base64 32"},
		{"a ticket-key in no file", func(c *Config) { c.TicketKey = Secret("@" + secret + ".not") }, "ticket-key: open "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
			c.Auth, c.IntrospectURL, c.APIKeys = "introspect", "http://127.0.0.1:1/introspect", "keys.yaml"
			tt.change(&c)
			err := c.Validate()
			if tt.message == "" {
				checkError(t, err)
				return
			}
			checkError(t, err, tt.message)
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("one mistake, several messages: %v", err)
			}
		})
	}
}
