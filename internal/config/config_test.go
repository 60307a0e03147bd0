package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// cli is a program with a server command, which is the default, and another one.
type cli struct {
	Serve struct {
		Config `embed:""`
	} `cmd:"" default:"withargs"`
	Listen struct {
		Token string `env:"NOTIFIER_TOKEN"`
	} `cmd:""`
}

// load reads the settings as the program does, with nothing in the environment
// but env ("NAME=value").
func load(t *testing.T, env []string, args ...string) (Config, error) {
	t.Helper()
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, prefix) {
			t.Setenv(name, "") // so that it is restored
			os.Unsetenv(name)
		}
	}
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	var c cli
	_, err := kong.Must(&c).Parse(args)
	return c.Serve.Config, err
}

// write makes a file of settings and returns its name.
func write(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notifier.yaml")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// checkError holds that err says each of want, or that there is none if nothing is
// wanted.
func checkError(t *testing.T, err error, want ...string) {
	t.Helper()
	if len(want) == 0 && err != nil {
		t.Errorf("error %v", err)
	}
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v\nwant it to say %s", err, w)
		}
	}
}

func TestDefaults(t *testing.T) {
	want := Config{
		Listen: "127.0.0.1:4001", AdminListen: "127.0.0.1:4002", Data: "notifier-data",
		Heartbeat: 15 * time.Second, Retry: 3 * time.Second, Lifetime: time.Hour,
		WriteTimeout: 10 * time.Second, StreamsPerToken: 20, ConnectRate: 10,
		MaxBody: 1 << 20, MaxBatch: 16 << 20, KeepFor: 24 * time.Hour,
		KeepEvents: 1000, KeepBytes: 0, KeyWindow: 10 * time.Minute,
		Cookie: "notifier_token", Drain: 5 * time.Second,
		LogLevel: slog.LevelInfo, LogFormat: "text",
		Auth: "open", JWTLeeway: 30 * time.Second, JWTClaim: "sub",
		IntrospectTimeout: 2 * time.Second, IntrospectCache: 10 * time.Second,
		TicketTTL: time.Minute, RequestTimeout: 30 * time.Second,
		AccessLog: "publishes", TraceRatio: 1,
	}
	got, err := load(t, nil)
	got.read = nil
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("nothing set: %+v, %v\nwant %+v", got, err, want)
	}
	t.Setenv("NOTIFIER_LISTEN", "127.0.0.1:9")
	if got := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("Default() = %+v\nwant %+v", got, want)
	}
}

// TestPrecedence sets one setting in more and more places.
func TestPrecedence(t *testing.T) {
	inFile := "--config=" + write(t, "heartbeat: 2s")
	for _, tt := range []struct {
		where string
		env   []string
		args  []string
		want  time.Duration
	}{
		{"nowhere", nil, nil, 15 * time.Second},
		{"file", nil, []string{inFile}, 2 * time.Second},
		{"environment and file", []string{"NOTIFIER_HEARTBEAT=3s"}, []string{inFile}, 3 * time.Second},
		{"all", []string{"NOTIFIER_HEARTBEAT=3s"}, []string{inFile, "--heartbeat=4s"}, 4 * time.Second},
		{"flag and file", nil, []string{"--heartbeat=4s", inFile}, 4 * time.Second},
		{"flag and environment", []string{"NOTIFIER_HEARTBEAT=3s"}, []string{"serve", "--heartbeat=4s"}, 4 * time.Second},
	} {
		t.Run(tt.where, func(t *testing.T) {
			c, err := load(t, tt.env, tt.args...)
			if err != nil || c.Heartbeat != tt.want {
				t.Errorf("heartbeat %v, %v, want %v", c.Heartbeat, err, tt.want)
			}
		})
	}
}

// TestEmptyVariable holds that a variable set to nothing is set.
func TestEmptyVariable(t *testing.T) {
	c, err := load(t, []string{"NOTIFIER_ADMIN_LISTEN="}, "--config", write(t, "admin-listen: localhost:9"))
	if err != nil || c.AdminListen != "" {
		t.Errorf("admin-listen %q, %v", c.AdminListen, err)
	}
}

// TestEverySource gives every setting a value of its own as a flag, in the
// environment and in a file, named after its flag each time.
func TestEverySource(t *testing.T) {
	want := Config{
		Listen: "[::1]:1", AdminListen: "localhost:2", BasePath: "/ws", Data: "memory",
		TLSCert: "cert.pem", TLSKey: "key.pem",
		Heartbeat: time.Minute, Retry: time.Second, Lifetime: 2 * time.Hour, WriteTimeout: time.Second,
		StreamsPerToken: 3, MaxStreams: 4, MaxBody: 5 << 10, MaxBatch: 6 << 20,
		KeepFor: 7 * time.Hour, KeepEvents: 8, KeepBytes: 9 << 30, KeyWindow: time.Second,
		AnnouncePresence: true, AllowOrigin: []string{"https://a.example", "https://b.example"},
		Cookie: "c", InsecureOpen: true, Drain: 0, LogLevel: slog.LevelWarn, LogFormat: "json",
		ACMEDomain: []string{"a.example", "b.example"}, ACMEEmail: "a@a.example", ACMEURL: "https://acme.example/directory",
		Auth: "jwt", JWTKey: "@key.pem", JWKSURL: "https://a.example/jwks.json", JWTAlgorithm: []string{"RS256", "ES256"},
		JWTIssuer: "i", JWTAudience: "a", JWTLeeway: time.Second, JWTClaim: "user", JWTListClaim: "groups",
		IntrospectURL: "https://a.example/who", IntrospectForward: []string{"Cookie", "X-Session"}, IntrospectSecret: "s",
		IntrospectTimeout: time.Second, IntrospectCache: time.Minute,
		APIKey: []string{"a=b", "c=d"}, APIKeys: "keys.yaml", JWTPublish: true, TicketKey: "0123456789abcdef0123456789abcdef", TicketTTL: 2 * time.Minute,
		StreamsPerIP: 5, ConnectRate: 6, PublishRate: 7, TokenRate: 8, TrustedProxy: []string{"10.0.0.0/8", "::1/128"},
		RequestTimeout: 3 * time.Second, AccessLog: "off", OTLPURL: "http://localhost:4318", TraceRatio: 0.5,
	}
	values := map[string]string{
		"listen": "[::1]:1", "admin-listen": "localhost:2", "base-path": "ws/", "data": "memory",
		"tls-cert": "cert.pem", "tls-key": "key.pem",
		"heartbeat": "1m", "retry": "1s", "lifetime": "2h", "write-timeout": "1s",
		"streams-per-token": "3", "max-streams": "4", "max-body": "5KiB", "max-batch": "6MiB",
		"keep-for": "7h", "keep-events": "8", "keep-bytes": "9GiB", "key-window": "1s",
		"announce-presence": "true", "allow-origin": "https://a.example,https://b.example",
		"cookie": "c", "insecure-open": "true", "drain": "0s", "log-level": "warn", "log-format": "json",
		"acme-domain": "a.example,b.example", "acme-email": "a@a.example", "acme-url": "https://acme.example/directory",
		"auth": "jwt", "jwt-key": "@key.pem", "jwks-url": "https://a.example/jwks.json", "jwt-algorithm": "RS256,ES256",
		"jwt-issuer": "i", "jwt-audience": "a", "jwt-leeway": "1s", "jwt-claim": "user", "jwt-list-claim": "groups",
		"introspect-url": "https://a.example/who", "introspect-forward": "Cookie,X-Session", "introspect-secret": "s",
		"introspect-timeout": "1s", "introspect-cache": "1m",
		"api-key": "a=b,c=d", "api-keys": "keys.yaml", "jwt-publish": "true", "ticket-key": "0123456789abcdef0123456789abcdef", "ticket-ttl": "2m",
		"streams-per-ip": "5", "connect-rate": "6", "publish-rate": "7", "token-rate": "8", "trusted-proxy": "10.0.0.0/8,::1/128",
		"request-timeout": "3s", "access-log": "off", "otlp-url": "http://localhost:4318", "trace-ratio": "0.5",
	}
	if n := len(Settings()); len(values) != n {
		t.Fatalf("%d settings here, %d in Config", len(values), n)
	}
	var flags, env []string
	content := "# all of them\n"
	for name, value := range values {
		flags = append(flags, "--"+name+"="+value)
		env = append(env, "NOTIFIER_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+value)
		content += name + ": '" + value + "'\n"
	}
	check := func(t *testing.T, env []string, args ...string) {
		got, _ := load(t, env, args...) // which settings exclude each other is not asked here
		got.File, got.read = "", nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\nwant %+v", got, want)
		}
	}
	t.Run("flags", func(t *testing.T) { check(t, nil, flags...) })
	t.Run("environment", func(t *testing.T) { check(t, env) })
	t.Run("file", func(t *testing.T) { check(t, []string{"NOTIFIER_CONFIG=" + write(t, content)}) })
}

func TestUnknownVariable(t *testing.T) {
	for _, tt := range []struct {
		env  []string
		want []string
	}{
		{[]string{"NOTIFIER_HEARTBEET=1s", "NOTIFIER_ZZZZZ=1"}, []string{
			"unknown environment variable NOTIFIER_HEARTBEET; did you mean NOTIFIER_HEARTBEAT?",
			"unknown environment variable NOTIFIER_ZZZZZ"}},
		// All that is wrong, wherever it stands.
		{[]string{"NOTIFIER_HEARTBEAT=often", "NOTIFIER_MAX_BODY=1", "NOTIFIER_JWT_PUBLISH=maybe", "NOTIFIER_CONFIG=missing.yaml"}, []string{
			`NOTIFIER_HEARTBEAT: "often" is not`, "NOTIFIER_MAX_BODY: 1B must be", `NOTIFIER_JWT_PUBLISH: "maybe" is not true or false`,
			"config: open missing.yaml: "}},
		{[]string{"NOTIFIER_PORT=8080"}, []string{"unknown environment variable NOTIFIER_PORT"}},
		{[]string{"NOTIFIER_HEARTBEAT=often"}, []string{`NOTIFIER_HEARTBEAT: "often" is not a duration: write a number and a unit`}},
		// Another command's.
		{[]string{"NOTIFIER_TOKEN=1"}, nil},
		// What Kubernetes sets for services "notifier" and "notifier-admin".
		{[]string{"NOTIFIER_SERVICE_HOST=10.0.0.1", "NOTIFIER_SERVICE_PORT=80", "NOTIFIER_SERVICE_PORT_HTTP=80",
			"NOTIFIER_PORT=tcp://10.0.0.1:80", "NOTIFIER_PORT_80_TCP=tcp://10.0.0.1:80", "NOTIFIER_PORT_80_TCP_ADDR=10.0.0.1",
			"NOTIFIER_ADMIN_SERVICE_HOST=10.0.0.2", "NOTIFIER_ADMIN_PORT=tcp://10.0.0.2:80"}, nil},
		// Somebody else's.
		{[]string{"NOTIFIERS_X=1"}, nil},
	} {
		t.Run(tt.env[0], func(t *testing.T) {
			_, err := load(t, tt.env)
			checkError(t, err, tt.want...)
		})
	}
	// Only the server reads the environment that strictly.
	if _, err := load(t, []string{"NOTIFIER_ZZZZZ=1", "NOTIFIER_CONFIG=missing.yaml", "NOTIFIER_HEARTBEAT=often"}, "listen"); err != nil {
		t.Error(err)
	}
}

func TestFileMistakes(t *testing.T) {
	for _, tt := range []struct {
		name, content string
		want          []string
	}{
		{"unknown keys", "heartbeat: 1s\nlisen: x\n\nmax_body: 1MiB\nqqqqqqqq: 1\n", []string{
			"notifier.yaml:2: lisen: unknown setting; did you mean listen?",
			"notifier.yaml:4: max_body: unknown setting; did you mean max-body?",
			"notifier.yaml:5: qqqqqqqq: unknown setting"}},
		{"another file", "config: other.yaml", []string{":1: config: unknown setting"}},
		{"help is no setting", "help: true", []string{":1: help: unknown setting"}},
		{"bad values", "heartbeat: often\nmax-body: 1MB\nstreams-per-token: many\ninsecure-open: perhaps\nlog-level: loud", []string{
			`:1: heartbeat: "often" is not a duration`,
			`:2: max-body: "1MB" is not a size`,
			`:3: streams-per-token: "many" is not a whole number`,
			`:4: insecure-open: "perhaps" is not true or false`,
			`:5: log-level: `}},
		{"no value", "listen:\nretry: ~", []string{`:1: listen: has no value; "" is the empty one`, ":2: retry: has no value"}},
		{"twice", "retry: 1s\nlisten: localhost:1\nretry: 2s", []string{":3: retry: is already set in line 1"}},
		{"a list for one", "retry: [1s, 2s]", []string{":1: retry: must be a single value"}},
		{"a mapping for one", "retry: {a: b}", []string{":1: retry: must be a single value"}},
		{"a list of lists", "allow-origin: [[a]]", []string{":1: allow-origin: must be a single value"}},
		{"not a mapping", "- retry", []string{"notifier.yaml: must be a mapping"}},
		{"two documents", "retry: 1s\n---\nretry: 1s", []string{"notifier.yaml: must be one YAML document"}},
		{"not YAML", "retry: 'x", []string{"notifier.yaml:1: not YAML: "}},
		{"valid for YAML only", "retry: 1ms", []string{"retry: 1ms must be between"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, nil, "--config", write(t, tt.content))
			checkError(t, err, tt.want...)
		})
	}
	_, err := load(t, nil, "--config", "missing.yaml")
	checkError(t, err, "missing.yaml: no such file")
}

func TestFileForms(t *testing.T) {
	for name, content := range map[string]string{
		"list":    "allow-origin:\n  - https://a.example\n  - https://b.example\n",
		"text":    "allow-origin: https://a.example,https://b.example",
		"anchors": "cookie: &a https\nallow-origin: &b [https://a.example, https://b.example]\nlog-format: text",
	} {
		c, err := load(t, nil, "--config", write(t, content))
		if want := []string{"https://a.example", "https://b.example"}; err != nil || !reflect.DeepEqual(c.AllowOrigin, want) {
			t.Errorf("%s: %q, %v", name, c.AllowOrigin, err)
		}
	}
	for name, content := range map[string]string{"empty": "", "comments": "# nothing\n", "plain types": "streams-per-token: 20\ninsecure-open: false\n"} {
		if c, err := load(t, nil, "--config", write(t, content)); err != nil || c.StreamsPerToken != 20 {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := load(t, nil, "--config", write(t, "drain: &d 7s\nheartbeat: *d\n"))
	if err != nil || c.Heartbeat != 7*time.Second {
		t.Errorf("alias: %v, %v", c.Heartbeat, err)
	}
}
