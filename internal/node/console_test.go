package node_test

import (
	"net/http"
	"strings"
	"testing"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// TestOperators holds who may use the control API on the private listener: on loopback
// whoever is there, on another address those who may on the main listener.
func TestOperators(t *testing.T) {
	file, keys := keyFile(t, "name: all, rights: [publish, control]", "name: some, rights: [publish]")
	const loopback, elsewhere = "127.0.0.1:4002", "10.0.0.1:4002"
	withKeys := func(c *config.Config) { c.APIKeys, c.InsecureOpen = file, true }
	insecure := func(c *config.Config) { c.InsecureOpen = true }
	development := func(*config.Config) {}
	for _, c := range []struct {
		listen        string
		edit          func(*config.Config)
		header        string
		publish, read int
	}{
		{loopback, development, "", 200, 200},
		{loopback, withKeys, "", 200, 200},
		{loopback, withKeys, "Sec-Fetch-Site: same-origin", 200, 200},
		{loopback, withKeys, "Origin: http://127.0.0.1:4002", 200, 200},
		{loopback, withKeys, "Origin: http://localhost:3000", 403, 200}, // which the browser lets no page read
		{loopback, withKeys, "Sec-Fetch-Site: same-site", 403, 200},
		{loopback, withKeys, "Sec-Fetch-Site: cross-site", 403, 200},
		{loopback, withKeys, "Origin: https://evil.example", 403, 403},
		{loopback, withKeys, "Host: rebound.example:4002", 403, 403},
		{loopback, withKeys, "X-Forwarded-For: 192.0.2.7", 403, 403},
		{elsewhere, withKeys, "", 401, 401},
		{elsewhere, withKeys, "Host: localhost", 401, 401},
		{elsewhere, withKeys, "X-API-Key: " + keys[0], 200, 200},
		{elsewhere, withKeys, "X-API-Key: " + keys[1], 200, 403},
		{elsewhere, insecure, "", 200, 200},
		{elsewhere, insecure, "Sec-Fetch-Site: cross-site", 403, 200},
		{elsewhere, development, "", 403, 403},
		{elsewhere, development, "Host: localhost", 403, 403},
	} {
		n := nodetest.Start(t, func(cfg *config.Config) { cfg.AdminListen = c.listen; c.edit(cfg) })
		if got := askAdmin(t, n, "POST", "/api", c.header, `{"tokens":["1"]}`); got.StatusCode != c.publish {
			t.Errorf("%s %.40q: publishing: %s, want %d", c.listen, c.header, got.Status, c.publish)
		}
		for _, path := range []string{"/api/streams", "/api/events?token=1", "/api/deny"} {
			got := askAdmin(t, n, "GET", path, c.header, "")
			if got.StatusCode != c.read {
				t.Errorf("%s %.40q: %s: %s, want %d", c.listen, c.header, path, got.Status, c.read)
			}
			if allowed := got.Header.Get("Access-Control-Allow-Origin"); allowed != "" {
				t.Errorf("%s: pages of %s may read", path, allowed)
			}
		}
	}
}

// askAdmin sends a request with a header, as "Name: value", to the private listener.
func askAdmin(t *testing.T, n *nodetest.Node, method, path, header, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+n.Config.AdminListen+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	switch name, value, ok := strings.Cut(header, ": "); {
	case name == "Host":
		req.Host = value
	case ok:
		req.Header.Set(name, value)
	}
	resp, err := n.Admin.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

// TestConsolePage holds that the page is on the private listener, bounded, and below no
// base path; and that its calls are in the access log as the operator's.
func TestConsolePage(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.BasePath, c.AccessLog = "/ws", "all" })
	for _, path := range []string{"/", "/console.js", "/style.css"} {
		status, text := n.Ask(t, "GET", path, "")
		resp := askAdmin(t, n, "HEAD", path, "", "")
		csp := resp.Header.Get("Content-Security-Policy")
		if status != 200 || text == "" || !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %d, policy %q", path, status, csp)
		}
	}
	if status, text := n.Ask(t, "GET", "/readyz", ""); status != 200 {
		t.Errorf("readyz: %d %s", status, text)
	}
	if resp := askAdmin(t, n, "POST", "/api", "", `{"tokens":["s3cret"]}`); resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	if log := n.Log.String(); !strings.Contains(log, "publisher=console") || strings.Contains(log, "s3cret") {
		t.Errorf("log:\n%s", log)
	}
}
