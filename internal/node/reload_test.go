package node_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"notifier/auth"
	"notifier/internal/config"
	"notifier/internal/node"
	"notifier/internal/nodetest"
)

// effects show for every setting that a reload can change that it does.
var effects = map[string]func(*testing.T){
	"jwt-key":  reloadJWTKey,
	"tls-cert": reloadCertificate,
	"tls-key":  reloadCertificate,

	"api-key":  reloadAPIKey,
	"api-keys": reloadAPIKeyFile,

	"allow-origin": reloadAllowOrigin,

	"streams-per-token": reloadStreamsPerToken,
	"max-streams":       reloadMaxStreams,

	"streams-per-ip": reloadStreamsPerIP,
	"connect-rate":   reloadConnectRate,
	"publish-rate":   reloadRate(func(c *config.Config) { c.PublishRate = 1 }),
	"token-rate":     reloadRate(func(c *config.Config) { c.TokenRate = 1 }),
	"trusted-proxy":  reloadTrustedProxy,
	"access-log":     reloadAccessLog,
	"log-level":      reloadLogLevel,
}

// TestReloadEffects holds the column "reload" of docs/configuration.md.
func TestReloadEffects(t *testing.T) {
	for _, s := range config.Settings() {
		effect, known := effects[s.Name]
		if s.Reload != known {
			t.Errorf("%s: declared to reload: %v, shown here: %v", s.Name, s.Reload, known)
		} else if known {
			t.Run(s.Name, effect)
		}
	}
}

// reload has the node read its configuration as edited.
func reload(t *testing.T, n *nodetest.Node, edit func(*config.Config)) {
	t.Helper()
	cfg := n.Config
	edit(&cfg)
	if err := n.Reload(cfg); err != nil {
		t.Fatal(err)
	}
}

func reloadJWTKey(t *testing.T) {
	first, second := strings.Repeat("1", 32), strings.Repeat("2", 32)
	n := nodetest.Start(t, func(c *config.Config) { c.Auth, c.JWTKey, c.InsecureOpen = "jwt", config.Secret(first), true })
	status := func(key string) int {
		return n.Open(t, "", "Authorization", "Bearer "+sign(t, key)).Status
	}
	if a, b := status(first), status(second); a != 200 || b != 401 {
		t.Errorf("before: %d, %d", a, b)
	}
	file := filepath.Join(t.TempDir(), "key")
	write(t, file, second)
	reload(t, n, func(c *config.Config) { c.JWTKey = config.Secret("@" + file) })
	if a, b := status(first), status(second); a != 401 || b != 200 {
		t.Errorf("after: %d, %d", a, b)
	}
	write(t, file, first) // the setting is the same, the file is not
	reload(t, n, func(c *config.Config) { c.JWTKey = config.Secret("@" + file) })
	if a, b := status(first), status(second); a != 200 || b != 401 {
		t.Errorf("after the file has changed: %d, %d", a, b)
	}
}

// sign makes a JWT whose subject is 1.
func sign(t *testing.T, key string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(key)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(jwt.Claims{Subject: "1", Expiry: jwt.NewNumericDate(time.Now().Add(time.Hour))}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func reloadAPIKey(t *testing.T) {
	first, firstHash := auth.NewAPIKey()
	second, secondHash := auth.NewAPIKey()
	n := nodetest.Start(t, func(c *config.Config) { c.APIKey = []string{"first=" + firstHash} })
	want(t, publishing(t, n, first, second), 200, 401)
	reload(t, n, func(c *config.Config) { c.APIKey = []string{"second=" + secondHash} })
	want(t, publishing(t, n, first, second), 401, 200)
	reload(t, n, func(c *config.Config) { c.APIKey = nil }) // whoever takes the last key away does not open the server
	want(t, publishing(t, n, "", first, second), 401, 401, 200)
	if !strings.Contains(n.Log.String(), `need a restart" settings=[api-key]`) {
		t.Error("nobody is told that keys cannot be turned off like this")
	}
}

func reloadAPIKeyFile(t *testing.T) {
	first, firstHash := auth.NewAPIKey()
	second, secondHash := auth.NewAPIKey()
	files := [2]string{filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "other")}
	write(t, files[0], "- {name: first, hash: '"+firstHash+"', rights: [publish]}\n")
	write(t, files[1], "- {name: second, hash: '"+secondHash+"', rights: [publish]}\n")
	n := nodetest.Start(t, func(c *config.Config) { c.APIKeys = files[0] })
	want(t, publishing(t, n, first, second), 200, 401)
	reload(t, n, func(c *config.Config) { c.APIKeys = files[1] })
	want(t, publishing(t, n, first, second), 401, 200)
}

// publishing returns the status that publishing with each key has.
func publishing(t *testing.T, n *nodetest.Node, keys ...string) (all []int) {
	t.Helper()
	for _, key := range keys {
		all = append(all, request(t, n, http.MethodPost, "/api", "X-API-Key", key).StatusCode)
	}
	return all
}

func request(t *testing.T, n *nodetest.Node, method, path, header, value string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, n.URL+path, strings.NewReader(`{"tokens":["a"]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(header, value)
	resp, err := n.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

func reloadAllowOrigin(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.AllowOrigin, c.InsecureOpen = []string{"https://a.example"}, true })
	allowed := func(origin string) string {
		return request(t, n, http.MethodGet, "/livez", "Origin", origin).Header.Get("Access-Control-Allow-Origin")
	}
	if a, b := allowed("https://a.example"), allowed("https://b.example"); a != "https://a.example" || b != "" {
		t.Errorf("before: %q, %q", a, b)
	}
	reload(t, n, func(c *config.Config) { c.AllowOrigin = []string{"https://b.example"} })
	if a, b := allowed("https://a.example"), allowed("https://b.example"); a != "" || b != "https://b.example" {
		t.Errorf("after: %q, %q", a, b)
	}
	reload(t, n, func(c *config.Config) { c.AllowOrigin = []string{"*"} })
	if a := allowed("https://a.example"); a != "*" {
		t.Errorf("any: %q", a)
	}
}

// startTLS runs a node with a certificate for a name.
func startTLS(t *testing.T, name string, edit ...func(*config.Config)) (*node.Node, config.Config) {
	t.Helper()
	cfg := config.Default()
	for _, e := range edit {
		e(&cfg)
	}
	cfg.Listen, cfg.AdminListen, cfg.Data, cfg.Drain = "127.0.0.1:0", "", config.Memory, 0
	cfg.TLSCert, cfg.TLSKey = writePair(t, t.TempDir(), name)
	n, err := node.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n, cfg
}

func reloadCertificate(t *testing.T) {
	n, cfg := startTLS(t, "first")
	if name := served(t, n.Addr()); name != "first" {
		t.Fatal(name)
	}
	cfg.TLSCert, cfg.TLSKey = writePair(t, t.TempDir(), "second")
	if err := n.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	if name := served(t, n.Addr()); name != "second" {
		t.Error(name)
	}
}

// A configuration that is broken in one place is taken over in none.
func TestReloadIsWhole(t *testing.T) {
	n, cfg := startTLS(t, "first", func(c *config.Config) {
		c.Auth, c.JWTKey, c.JWTPublish = "jwt", config.Secret(strings.Repeat("1", 32)), true
	})
	good := cfg
	good.TLSCert, good.TLSKey = writePair(t, t.TempDir(), "second")
	for message, edit := range map[string]func(*config.Config){
		"heartbeat: ":         func(c *config.Config) { c.Heartbeat = 0 },
		"jwt-key: ":           func(c *config.Config) { c.JWTKey = "@missing" }, // found after the certificate was good
		"tls-cert, tls-key: ": func(c *config.Config) { c.TLSCert = "missing.pem" },
	} {
		bad := good
		edit(&bad)
		if err := n.Reload(bad); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%v, want %s", err, message)
		}
		if name := served(t, n.Addr()); name != "first" {
			t.Errorf("%s: uses %s", message, name)
		}
	}
	if err := n.Reload(good); err != nil {
		t.Error(err)
	}
}

// The log says by name what has changed and what waits for a restart.
func TestReloadNamesRestart(t *testing.T) {
	n := nodetest.Start(t)
	reload(t, n, func(c *config.Config) {
		c.Heartbeat, c.LogLevel = c.Heartbeat*2, slog.LevelDebug
		c.TLSCert, c.TLSKey = "cert.pem", "key.pem" // on or off is another matter than which
	})
	log := n.Log.String()
	for _, want := range []string{"changed=[log-level]", `msg="settings that differ need a restart" settings="[tls-cert tls-key heartbeat]"`} {
		if !strings.Contains(log, want) {
			t.Errorf("log: %s\nwant %s", log, want)
		}
	}
	before := strings.Count(log, "need a restart")
	reload(t, n, func(c *config.Config) { c.LogLevel = slog.LevelDebug })
	if log := n.Log.String(); !strings.Contains(log, "changed=[]") || strings.Count(log, "need a restart") != before {
		t.Errorf("what is as it was at the start needs no restart: %s", log)
	}
}

// statuses opens streams, which stay open, and returns what each got.
func statuses(t *testing.T, n *nodetest.Node, tokens string, headers ...string) (all []int) {
	t.Helper()
	for _, token := range tokens {
		all = append(all, n.Open(t, "token="+string(token), headers...).Status)
	}
	return all
}

func want(t *testing.T, got []int, want ...int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
}

func reloadStreamsPerToken(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.StreamsPerToken = 1 })
	want(t, statuses(t, n, "aa"), 200, 429)
	reload(t, n, func(c *config.Config) { c.StreamsPerToken = 2 })
	want(t, statuses(t, n, "aa"), 200, 429)
	head, err := n.Client.Head(n.URL + "/events?token=a")
	if err != nil {
		t.Fatal(err)
	}
	head.Body.Close()
	reload(t, n, func(c *config.Config) { c.StreamsPerToken = 1 })
	want(t, append(statuses(t, n, "ab"), head.StatusCode), 429, 200, 429)
}

func reloadMaxStreams(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.MaxStreams = 1 })
	ready := func() int { return request(t, n, http.MethodGet, "/readyz", "Accept", "*/*").StatusCode }
	statuses(t, n, "a")
	want(t, []int{ready()}, 503)
	reload(t, n, func(c *config.Config) { c.MaxStreams = 2 })
	want(t, []int{ready()}, 200)
	s := n.Open(t, "token=b&control=1")
	if ev, err := s.Next(); err != nil || ev.Type != "notifier-ready" {
		t.Errorf("not let in: %+v, %v", ev, err)
	}
	want(t, []int{ready()}, 503)
}

func reloadStreamsPerIP(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.StreamsPerIP = 1 })
	want(t, statuses(t, n, "ab"), 200, 429)
	reload(t, n, func(c *config.Config) { c.StreamsPerIP = 2 })
	want(t, statuses(t, n, "cd"), 200, 429)
	reload(t, n, func(c *config.Config) { c.StreamsPerIP = 0 })
	want(t, statuses(t, n, "ef"), 200, 200)
}

func reloadConnectRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t, func(c *config.Config) { c.ConnectRate, c.StreamsPerToken = 0, 1 })
		again := func() (all []int) { // by one token, one after the other, all at once
			for range 3 {
				s := n.Open(t, "token=a")
				all = append(all, s.Status)
				s.Body.Close()
				synctest.Wait()
			}
			return all
		}
		want(t, again(), 200, 200, 200)
		reload(t, n, func(c *config.Config) { c.ConnectRate = 1 })
		want(t, again(), 200, 200, 429)
	})
}

func reloadRate(edit func(*config.Config)) func(*testing.T) {
	return func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := nodetest.StartPipe(t)
			twice := func() (all []int) {
				for range 2 {
					status, _ := n.Post(t, "/api", `{"tokens":["a"]}`)
					all = append(all, status)
				}
				return all
			}
			want(t, twice(), 200, 200)
			reload(t, n, edit)
			want(t, twice(), 200, 429)
		})
	}
}

func reloadTrustedProxy(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.StreamsPerIP, c.InsecureOpen = 1, true })
	want(t, statuses(t, n, "ab", "X-Forwarded-For", "192.0.2.1"), 200, 429)
	reload(t, n, func(c *config.Config) { c.TrustedProxy = []string{"127.0.0.1"} })
	want(t, statuses(t, n, "cd", "X-Forwarded-For", "192.0.2.1"), 200, 429)
}

func reloadAccessLog(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.AccessLog = "off" })
	n.Post(t, "/api", `{"tokens":["a"]}`)
	if log := n.Log.String(); strings.Contains(log, "msg=publish") {
		t.Errorf("log: %s", log)
	}
	reload(t, n, func(c *config.Config) { c.AccessLog = "publishes" })
	n.Post(t, "/api", `{"tokens":["a"]}`)
	if log := n.Log.String(); !strings.Contains(log, "msg=publish") {
		t.Errorf("log: %s", log)
	}
}

func reloadLogLevel(t *testing.T) {
	n := nodetest.Start(t)
	for i, want := range []int{1, 1, 1, 2} { // lines so far
		reload(t, n, func(c *config.Config) {
			c.LogLevel = []slog.Level{slog.LevelError, slog.LevelError, slog.LevelInfo, slog.LevelInfo}[i]
		})
		if got := strings.Count(n.Log.String(), "the settings were read again"); got != want {
			t.Errorf("reload %d: %d lines, want %d", i, got, want)
		}
	}
}
