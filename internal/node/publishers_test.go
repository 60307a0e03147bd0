package node_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"notifier/auth"
	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// ask sends a request with a publisher's key, if there is one, and returns the
// status and the body.
func ask(t *testing.T, n *nodetest.Node, method, path, key, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, n.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := n.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// keyFile writes entries of a file of keys, each with the hash it gets, and returns
// its name and the keys.
func keyFile(t *testing.T, entries ...string) (file string, keys []string) {
	t.Helper()
	text := ""
	for _, e := range entries {
		key, hash := auth.NewAPIKey()
		keys = append(keys, key)
		text += fmt.Sprintf("- {hash: %q, %s}\n", hash, e)
	}
	file = filepath.Join(t.TempDir(), "keys.yaml")
	writeKeys(t, file, text)
	return file, keys
}

// writeKeys replaces a file, with a modification time that no earlier one had.
func writeKeys(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	written := time.Now()
	if err := os.Chtimes(file, written, written); err != nil {
		t.Fatal(err)
	}
}

// TestRights tries every call of a publisher with every right.
func TestRights(t *testing.T) {
	file, keys := keyFile(t, "name: p, rights: [publish]", "name: c, rights: [control]", "name: t, rights: [tickets]", "name: all, rights: [publish, control, tickets]")
	n := nodetest.Start(t, func(c *config.Config) { c.APIKeys = file })
	const publish, control, tickets, all = 0, 1, 2, 3
	for _, c := range []struct {
		method, path, body string
		right              int
	}{
		{"POST", "/api", `{"tokens":["1"]}`, publish},
		{"POST", "/api/", `{"tokens":["1"]}`, publish},
		{"POST", "/api/batch", `{"tokens":["1"]}`, publish},
		{"GET", "/api/streams", "", control},
		{"HEAD", "/api/streams", "", control},
		{"DELETE", "/api/streams?token=1", "", control},
		{"GET", "/api/events?token=1", "", control},
		{"DELETE", "/api/events?token=1", "", control},
		{"POST", "/api/deny", `{"token":"1","until":"1h"}`, control},
		{"GET", "/api/deny", "", control},
		{"DELETE", "/api/deny?token=1", "", control},
		{"POST", "/api/tickets", `{"token":"1"}`, tickets},
	} {
		if status, text := ask(t, n, c.method, c.path, "", c.body); status != 401 {
			t.Errorf("%s %s without a key: %d %s", c.method, c.path, status, text)
		}
		for right, key := range keys {
			status, text := ask(t, n, c.method, c.path, key, c.body)
			if may := right == all || right == c.right; may == (status == 403) || !may && status != 403 || status == 401 {
				t.Errorf("%s %s with key %d: %d %s", c.method, c.path, right, status, text)
			}
		}
	}
	for _, path := range []string{"/api", "/livez", "/readyz"} {
		if status, text := ask(t, n, "GET", path, "", ""); status != 200 {
			t.Errorf("%s needs a key: %d %s", path, status, text)
		}
	}
}

// TestReach holds a publisher to its tokens in every call that names one.
func TestReach(t *testing.T) {
	file, keys := keyFile(t, "name: shop, rights: [publish, control, tickets], prefixes: ['shop:']")
	n := nodetest.Start(t, func(c *config.Config) { c.APIKeys = file })
	for _, c := range []struct{ method, path, body, field string }{
		{"POST", "/api", `{"tokens":["shop:1","1"]}`, "tokens[1]"},
		{"POST", "/api", `{"all":true}`, "all"},
		{"GET", "/api/streams", "", "token"},
		{"GET", "/api/streams?token=shop:1&token=1", "", "token"},
		{"GET", "/api/streams?token=1&details=1", "", "token"},
		{"GET", "/api/streams?prefix=shop", "", "prefix"},
		{"DELETE", "/api/streams?token=1", "", "token"},
		{"DELETE", "/api/streams?token=1&stream=1", "", "token"},
		{"GET", "/api/events?token=1", "", "token"},
		{"DELETE", "/api/events?token=1", "", "token"},
		{"POST", "/api/deny", `{"token":"1","until":"1h"}`, "token"},
		{"DELETE", "/api/deny?token=1", "", "token"},
		{"POST", "/api/tickets", `{"token":"1"}`, "token"},
	} {
		status, text := ask(t, n, c.method, c.path, keys[0], c.body)
		if status != 403 || !strings.Contains(text, fmt.Sprintf(`"field":%q`, c.field)) {
			t.Errorf("%s %s %s: %d %s, want 403 for %s", c.method, c.path, c.body, status, text, c.field)
		}
		if status, text = ask(t, n, "POST", "/api", keys[0], `{"tokens":["shop:1"]}`); status != 200 {
			t.Fatalf("a good publish: %d %s", status, text)
		}
	}
	if status, text := ask(t, n, "GET", "/api/streams?token=shop:1", keys[0], ""); status != 200 {
		t.Errorf("%d %s", status, text)
	}
}

// TestKeysAreReadAgain changes the file of keys under a running node.
func TestKeysAreReadAgain(t *testing.T) {
	file, keys := keyFile(t, "name: first, rights: [publish]")
	_, other := auth.NewAPIKey()
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t, func(c *config.Config) { c.APIKeys, c.APIKey = file, []string{"second=" + other} })
		publishes := func(key string, want int) {
			t.Helper()
			if status, text := ask(t, n, "POST", "/api", key, `{"tokens":["1"]}`); status != want {
				t.Errorf("%d %s, want %d", status, text, want)
			}
		}
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		publishes(keys[0], 200)

		time.Sleep(2 * time.Second)
		writeKeys(t, file, "- {name: broken}")
		for range 3 {
			publishes(keys[0], 200)
			time.Sleep(2 * time.Second)
		}
		if c := strings.Count(n.Log.String(), "files have changed and cannot be used"); c != 1 {
			t.Errorf("said %d times that the file is broken:\n%s", c, n.Log)
		}

		third, hash := auth.NewAPIKey()
		writeKeys(t, file, "- {name: third, hash: '"+hash+"', rights: [publish]}")
		publishes(third, 200)
		publishes(keys[0], 401)
		if !strings.Contains(n.Log.String(), "files have changed and were read again") {
			t.Errorf("said nothing:\n%s", n.Log)
		}

		time.Sleep(2 * time.Second)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		publishes(third, 200)
		time.Sleep(2 * time.Second)
		writeKeys(t, file, string(good))
		publishes(keys[0], 200)
		publishes(third, 401)
	})
}

// TestReloadKeys changes the keys that are not in a file.
func TestReloadKeys(t *testing.T) {
	first, firstHash := auth.NewAPIKey()
	second, secondHash := auth.NewAPIKey()
	var cfg config.Config
	n := nodetest.Start(t, func(c *config.Config) { c.APIKey = []string{"a=" + firstHash}; cfg = *c })
	reload := func(want string, keys ...string) {
		t.Helper()
		cfg.APIKey = keys
		if err := n.Reload(cfg); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	publishes := func(key string, want int) {
		t.Helper()
		if status, text := ask(t, n, "POST", "/api", key, `{"tokens":["1"]}`); status != want {
			t.Errorf("%d %s, want %d", status, text, want)
		}
	}
	publishes(first, 200)
	reload("", "b="+secondHash)
	publishes(first, 401)
	publishes(second, 200)
	reload("api-key 2: hash", "a="+firstHash, "b=1")
	publishes(first, 401)
	reload("") // to have none needs a restart
	publishes("", 401)
	publishes(second, 200)
}

// TestRefusedUnread: whoever is refused for who it is cannot keep the server waiting
// for a body.
func TestRefusedUnread(t *testing.T) {
	file, _ := keyFile(t, "name: a, rights: [publish]")
	for name, edit := range map[string]func(*config.Config){
		"no key":  func(c *config.Config) { c.APIKeys, c.InsecureOpen, c.RequestTimeout = file, true, 7*time.Second },
		"foreign": func(c *config.Config) { c.RequestTimeout = 7 * time.Second },
	} {
		synctest.Test(t, func(t *testing.T) {
			n := nodetest.StartPipe(t, edit)
			// Only where a connection is to be kept must the rest of a body be read.
			n.Client.Transport.(*http.Transport).DisableKeepAlives = false
			defer n.Client.CloseIdleConnections()
			rest, body := io.Pipe()
			defer body.Close()
			req, err := http.NewRequest("POST", n.URL+"/api", rest)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Via", "1.1 proxy")
			start := time.Now()
			resp, err := n.Client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if took := time.Since(start); resp.StatusCode/100 != 4 || took != 7*time.Second {
				t.Errorf("%s: %s after %v", name, resp.Status, took)
			}
		})
	}
}

// TestPageHeaders holds what bounds a page of ours, and that there is none where
// credentials are asked for.
func TestPageHeaders(t *testing.T) {
	file, _ := keyFile(t, "name: a, rights: [publish]")
	development := nodetest.Start(t)
	for _, path := range []string{"/", "/app.js"} {
		resp, err := development.Client.Get(development.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		h := resp.Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, want) || strings.Contains(csp, "unsafe") {
				t.Errorf("%s: Content-Security-Policy: %s", path, csp)
			}
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s: %q", path, name, h.Get(name))
			}
		}
	}
	serious := nodetest.Start(t, func(c *config.Config) { c.APIKeys = file })
	if status, _ := ask(t, serious, "GET", "/", "", ""); status != 404 {
		t.Errorf("the demo page is served where keys are asked for: %d", status)
	}
}

// TestAdminIsGuarded: a page from elsewhere must not read the private listener
// through the browser of who operates the server.
func TestAdminIsGuarded(t *testing.T) {
	for _, c := range []struct {
		listen, host, origin string
		want                 int
	}{
		{"127.0.0.1:4002", "127.0.0.1:4002", "", 200},
		{"127.0.0.1:4002", "localhost:9", "http://localhost:9", 200},
		{"127.0.0.1:4002", "rebound.example:4002", "", 403},
		{"127.0.0.1:4002", "localhost:4002", "https://evil.example", 403},
		{"127.0.0.1:4002", "localhost:4002", "null", 403},
		{"10.0.0.1:4002", "metrics.example:4002", "", 200},
	} {
		n := nodetest.Start(t, func(cfg *config.Config) { cfg.AdminListen = c.listen })
		req, err := http.NewRequest("GET", "http://"+c.host+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.origin != "" {
			req.Header.Set("Origin", c.origin)
		}
		resp, err := n.Admin.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%+v: %d", c, resp.StatusCode)
		}
	}
}
