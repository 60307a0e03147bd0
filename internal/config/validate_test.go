package config

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// TestValidate changes one setting of a valid configuration at a time. An empty
// message is for a value that is still valid.
func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(*Config)
		message string
	}{
		{"default", func(c *Config) {}, ""},
		{"listen without port", func(c *Config) { c.Listen = "localhost" }, `listen: "localhost" must be host:port`},
		{"listen with a name for a port", func(c *Config) { c.Listen = "localhost:http" }, `listen: "localhost:http" must have a port from 0 to 65535`},
		{"listen with a high port", func(c *Config) { c.Listen = "localhost:65536" }, "must have a port"},
		{"any free ports", func(c *Config) { c.Listen, c.AdminListen = "127.0.0.1:0", "127.0.0.1:0" }, ""},
		{"admin-listen", func(c *Config) { c.AdminListen = "4002" }, `admin-listen: "4002" must be host:port`},
		{"admin-listen off", func(c *Config) { c.AdminListen = "" }, ""},
		{"admin-listen anywhere", func(c *Config) { c.AdminListen = ":4002" }, ""},
		{"one address for both", func(c *Config) { c.AdminListen = c.Listen }, "admin-listen: must not be the address of listen"},
		{"base-path", func(c *Config) { c.BasePath = "/a/b-c_d.e~f" }, ""},
		{"base-path with dots", func(c *Config) { c.BasePath = "/a/../b" }, `base-path: "/a/../b" must be like /ws`},
		{"base-path that is a dot", func(c *Config) { c.BasePath = "/." }, "base-path: "},
		{"base-path with a query", func(c *Config) { c.BasePath = "/a?b" }, "base-path: "},
		{"base-path with a fragment", func(c *Config) { c.BasePath = "/a#b" }, "base-path: "},
		{"base-path with a space", func(c *Config) { c.BasePath = "/a b" }, "base-path: "},
		{"base-path with a line", func(c *Config) { c.BasePath = "/a\n" }, "base-path: "},
		{"base-path with a parameter", func(c *Config) { c.BasePath = "/:a" }, "base-path: "},
		{"base-path with an empty part", func(c *Config) { c.BasePath = "/a//b" }, "base-path: "},
		{"tls-cert", func(c *Config) { c.TLSCert = "a.pem" }, "tls-cert: and tls-key must be set together"},
		{"tls-key", func(c *Config) { c.TLSKey = "a.pem" }, "tls-cert: and tls-key must be set together"},
		{"data", func(c *Config) { c.Data = "" }, `data: must be a directory, or memory`},
		{"heartbeat", func(c *Config) { c.Heartbeat = time.Second - 1 }, "heartbeat: 999.999999ms must be between 1s and 1h0m0s"},
		{"heartbeat of an hour", func(c *Config) { c.Heartbeat = time.Hour + 1 }, "heartbeat: "},
		{"retry", func(c *Config) { c.Retry = 0 }, "retry: 0s must be between 100ms and 1h0m0s"},
		{"lifetime", func(c *Config) { c.Lifetime = -1 }, "lifetime: -1ns must be between"},
		{"lifetime without end", func(c *Config) { c.Lifetime = 0 }, ""},
		{"write-timeout", func(c *Config) { c.WriteTimeout = 0 }, "write-timeout: 0s must be between"},
		{"streams-per-token", func(c *Config) { c.StreamsPerToken = -1 }, "streams-per-token: -1 must not be negative"},
		{"streams-per-token without limit", func(c *Config) { c.StreamsPerToken = 0 }, ""},
		{"max-streams", func(c *Config) { c.MaxStreams = -1 }, "max-streams: -1 must not be negative"},
		{"streams-per-ip", func(c *Config) { c.StreamsPerIP = -1 }, "streams-per-ip: -1 must not be negative"},
		{"connect-rate", func(c *Config) { c.ConnectRate = -1 }, "connect-rate: -1 must be between 0 and"},
		{"connect-rate off", func(c *Config) { c.ConnectRate = 0 }, ""},
		{"publish-rate", func(c *Config) { c.PublishRate = 2_000_000_000 }, "publish-rate: 2000000000 must be between"},
		{"token-rate", func(c *Config) { c.TokenRate = -1 }, "token-rate: -1 must be between"},
		{"request-timeout", func(c *Config) { c.RequestTimeout = 0 }, "request-timeout: 0s must be between 1s and 10m0s"},
		{"trusted-proxy", func(c *Config) { c.TrustedProxy = []string{"10.0.0.0/8", "::1", "2001:db8::/32"} }, ""},
		{"trusted-proxy by name", func(c *Config) { c.TrustedProxy = []string{"proxy"} }, `trusted-proxy: "proxy" must be a network or an address`},
		{"trusted-proxy in the other family", func(c *Config) { c.TrustedProxy = []string{"::ffff:10.0.0.0/104"} }, "trusted-proxy: "},
		{"trusted-proxy with a zone", func(c *Config) { c.TrustedProxy = []string{"fe80::1%eth0"} }, "trusted-proxy: "},
		{"access-log", func(c *Config) { c.AccessLog = "some" }, `access-log: "some" must be off, publishes or all`},
		{"otlp-url", func(c *Config) { c.OTLPURL = "https://otlp.example.com/v1/traces" }, ""},
		{"otlp-url without scheme", func(c *Config) { c.OTLPURL = "localhost:4318" }, "otlp-url: must be like http://127.0.0.1:4318"},
		{"otlp-url with a password", func(c *Config) { c.OTLPURL = "http://a:b@localhost:4318" }, "otlp-url: "},
		{"otlp-url with a query", func(c *Config) { c.OTLPURL = "http://localhost:4318?key=secret" }, "otlp-url: "},
		{"trace-ratio", func(c *Config) { c.TraceRatio = 1.5 }, "trace-ratio: 1.5 must be between 0 and 1"},
		{"trace-ratio of nothing", func(c *Config) { c.TraceRatio = math.NaN() }, "trace-ratio: NaN must be between"},
		{"max-body", func(c *Config) { c.MaxBody = 1 }, "max-body: 1B must be between 1KiB and 64MiB"},
		{"max-batch", func(c *Config) { c.MaxBatch = 1 << 19 }, "max-batch: 512KiB must be between 1MiB and 1GiB"},
		{"keep-for", func(c *Config) { c.KeepFor = 0 }, "keep-for: 0s must be between"},
		{"keep-events", func(c *Config) { c.KeepEvents = 0 }, "keep-events: 0 must be between"},
		{"keep-bytes", func(c *Config) { c.KeepBytes = 1 }, "keep-bytes: 1B must be between 1MiB and 1TiB"},
		{"keep-bytes below max-body", func(c *Config) { c.MaxBody, c.KeepBytes = 2<<20, 1<<20 }, "keep-bytes: 1MiB must be between 2MiB and"},
		{"key-window", func(c *Config) { c.KeyWindow = 0 }, "key-window: 0s must be between"},
		{"cookie", func(c *Config) { c.Cookie = "a b" }, `cookie: "a b" must be a cookie name: letters, digits and !#$%&'*+-.^_`},
		{"cookie off", func(c *Config) { c.Cookie = "" }, ""},
		{"drain", func(c *Config) { c.Drain = -time.Second }, "drain: -1s must be between 0s and 10m0s"},
		{"log-format", func(c *Config) { c.LogFormat = "xml" }, `log-format: "xml" must be text or json`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
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

func TestValidateCollects(t *testing.T) {
	c := Default()
	c.Listen, c.Heartbeat, c.Data, c.LogFormat = "x", 0, "", "xml"
	checkError(t, c.Validate(), "listen: ", "heartbeat: ", "data: ", "log-format: ")
}

// TestValidateOnLoad holds that kong asks.
func TestValidateOnLoad(t *testing.T) {
	_, err := load(t, nil, "--heartbeat=1ms")
	checkError(t, err, "heartbeat: 1ms must be between")
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "1000000": 1_000_000, "17B": 17, "64KiB": 64 << 10, "1MiB": 1 << 20, "2GiB": 2 << 30, "3TiB": 3 << 40,
		"9223372036854775807": 1<<63 - 1,
	} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", text, got, err, want)
		}
		var again Size
		if err := again.UnmarshalText([]byte(want.String())); err != nil || again != want {
			t.Errorf("%d as text is %s", want, want)
		}
	}
	for _, text := range []string{"", "KiB", "-1", "+1", "1.5MiB", "1 MiB", "1MB", "1M", "1kib", "1KiBB", "9223372036854775808", "8388608TiB"} {
		var got Size
		checkError(t, got.UnmarshalText([]byte(text)), "is not a size")
	}
}

func TestBasePath(t *testing.T) {
	for text, want := range map[string]string{"": "", "/": "", "ws": "/ws", "/ws": "/ws", "/ws/": "/ws", "a/b/": "/a/b"} {
		c := Default()
		c.BasePath = text
		if err := c.Validate(); err != nil || c.BasePath != want {
			t.Errorf("%q: %q, %v, want %q", text, c.BasePath, err, want)
		}
	}
}

func TestHint(t *testing.T) {
	known := []string{"listen", "lifetime", "log-level", "log-format", "max-body", "max-batch"}
	for name, want := range map[string]string{
		"lisen": "; did you mean listen?", "log_level": "; did you mean log-level?", "maxbody": "; did you mean max-body?",
		"max-b": "", "zzz": "", "": "",
	} {
		if got := hint(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"abcd", "abd", 1}, {"abd", "abcd", 1}, {"same", "same", 0}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestProxies(t *testing.T) {
	c := Config{TrustedProxy: []string{"10.0.0.0/8", "192.0.2.1", "::1"}}
	if got := fmt.Sprint(c.Proxies()); got != "[10.0.0.0/8 192.0.2.1/32 ::1/128]" {
		t.Error(got)
	}
}
