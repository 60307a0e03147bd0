package config

import "testing"

// TestOpen holds what nobody gets without having asked for it by name.
func TestOpen(t *testing.T) {
	const (
		both    = `listen: ":4001" can be reached from other machines`
		reading = `auth: open would let whoever reaches ":4001" read any stream; set who may read (--auth jwt or --auth introspect), or --insecure-open`
		writing = "api-key: anyone could publish; set who may publish (--api-key NAME=HASH; notifier key new makes a key), or --insecure-open"
	)
	keys := func(c *Config) { c.APIKeys = "keys.yaml" }
	jwt := func(c *Config) { c.Auth, c.JWTKey = "jwt", "0123456789abcdef0123456789abcdef" }
	jwtForAll := func(c *Config) { jwt(c); c.JWTPublish = true }
	nothing := func(*Config) {}
	for _, c := range []struct {
		name     string
		change   func(*Config)
		beyond   string // said if other machines can reach the server
		loopback string // said otherwise
		local    bool   // it is for this machine only then
	}{
		{"nothing", nothing, both, "", true},
		{"keys", keys, reading, "", true},
		{"a key", func(c *Config) { c.APIKey = []string{"a=b"} }, reading, "", true},
		{"jwt", jwt, writing, writing, false},
		{"jwt and keys", func(c *Config) { jwt(c); keys(c) }, "", "", false},
		{"jwt for all", jwtForAll, "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(listen string, open bool, want string) {
				t.Helper()
				config := Default()
				c.change(&config)
				config.Listen, config.InsecureOpen = listen, open
				if want == "" {
					checkError(t, config.Validate())
				} else {
					checkError(t, config.Validate(), want)
				}
				if local := config.LocalOnly(); local != (c.local && !open) {
					t.Errorf("listen %q, insecure-open %v: for this machine only: %v", listen, open, local)
				}
			}
			check(":4001", false, c.beyond)
			check(":4001", true, "")
			check("127.0.0.1:4001", false, c.loopback)
			check("127.0.0.1:4001", true, "")
		})
	}
	c := Default()
	c.Listen = "0.0.0.0:4001"
	checkError(t, c.Validate(), "--api-key NAME=HASH", "--auth jwt", "--insecure-open", "listen on 127.0.0.1")
}

func TestOrigins(t *testing.T) {
	for origin, ok := range map[string]bool{
		"https://example.com": true, "http://localhost:3000": true, "https://127.0.0.1:8443": true, "http://[::1]:3000": true,
		"https://*.example.com": true, "http://*.a-b.example.com:8080": true, "http://my_host": true,
		"example.com": false, "https://example.com/": false, "https://example.com/a": false, "https://": false, "": false,
		"file://x": false, "null": false, "https://user@example.com": false, "https://example.com?": false, "HTTPS://example.com": false,
		"https://Example.com": false, "https://example.com.": false, "https://exämple.com": false,
		"https://example.com:443": false, "http://example.com:80": false, "http://example.com:443": true, "https://example.com:": false,
		"https://*": false, "https://*.com": false, "https://*example.com": false, "https://a.*.example.com": false,
		"https://*.*.example.com": false, "https://*.example.com:*": false, "*.example.com": false, "https://*.[::1]": false,
	} {
		c := Default()
		c.AllowOrigin = []string{origin}
		if err := c.Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", origin, err)
		}
	}
	c := Default()
	c.AllowOrigin = []string{"*"}
	checkError(t, c.Validate())
	c.AllowOrigin = []string{"*", "https://example.com"}
	checkError(t, c.Validate(), "allow-origin: * must be the only one")
}

func TestDevelopment(t *testing.T) {
	for _, tt := range []struct {
		listen, admin string
		want          bool
	}{
		{"127.0.0.1:4001", "127.0.0.1:4002", true},
		{"127.9.9.9:4001", "", true},
		{"[::1]:4001", "localhost:4002", true},
		{"[::ffff:127.0.0.1]:4001", "", true},
		{":4001", "", false},
		{"0.0.0.0:4001", "", false},
		{"[::]:4001", "", false},
		{"10.0.0.1:4001", "", false},
		{"localhost.example.com:4001", "", false},
		{"127.0.0.1:4001", ":4002", false},
	} {
		c := Config{Auth: "open", Listen: tt.listen, AdminListen: tt.admin}
		if got := c.Development(); got != tt.want {
			t.Errorf("listen %q, admin-listen %q: %v, want %v", tt.listen, tt.admin, got, tt.want)
		}
	}
}
