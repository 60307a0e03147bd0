package docs_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// runtimes are how the languages of recipes are run: a file name, and a command.
var runtimes = map[string]struct {
	file    string
	command []string
}{
	"sh":     {"publish.sh", []string{"bash", "-eu"}},
	"go":     {"publish.go", []string{"go", "run"}},
	"java":   {"Publish.java", []string{"java"}},
	"js":     {"publish.mjs", []string{"node"}},
	"php":    {"publish.php", []string{"php"}},
	"python": {"publish.py", []string{"python3"}},
}

// TestRecipes runs each recipe twice, with a key, against a server that refuses the
// first requests. One event must have been kept, the one that the recipes send.
func TestRecipes(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range pages(t) {
		for _, b := range p.blocks {
			language, run := strings.CutSuffix(b.info, " run")
			if !run || !strings.HasPrefix(p.path, "docs/recipes/") {
				continue
			}
			seen[language] = true
			t.Run(language, func(t *testing.T) { cook(t, language, b.text) })
		}
	}
	for language := range runtimes {
		if !seen[language] {
			t.Errorf("there is no recipe in %s", language)
		}
	}
}

func cook(t *testing.T, language, program string) {
	if lines := strings.Count(program, "\n"); lines >= 20 {
		t.Errorf("%d lines", lines)
	}
	runtime := runtimes[language]
	need(t, runtime.command[0])
	file := filepath.Join(t.TempDir(), runtime.file)
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	key, hash := newKey(t)
	server := "http://" + serve(t, hash)
	front, refusals := refuseFirst(t, server)
	for range 2 { // the second time says that it did not hear the answer
		cmd := exec.CommandContext(t.Context(), runtime.command[0], append(runtime.command[1:], file)...)
		cmd.Env = append(os.Environ(), "NOTIFIER_URL="+front, key, "GO111MODULE=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if n := refusals.Load(); n != 0 {
		t.Errorf("it stopped asking with %d refusals to go", n)
	}
	want := `[{"entityType":"like","data":{"by":"arya"}}]`
	if got := kept(t, server, key); got != want {
		t.Errorf("kept %s\nwant %s", got, want)
	}
}

// refuseFirst is a proxy in front of a server that answers the first request as one
// whose server is restarted, 502, and the second as a server that is stopping, 503.
func refuseFirst(t *testing.T, server string) (front string, left *atomic.Int32) {
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	left = new(atomic.Int32)
	left.Store(2)
	transport := &http.Transport{DisableKeepAlives: true}
	pass := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if left.CompareAndSwap(2, 1) {
			http.Error(w, "nobody is there", http.StatusBadGateway)
			return
		}
		if left.CompareAndSwap(1, 0) {
			w.Header().Set("Retry-After", "0")
			http.Error(w, "not yet", http.StatusServiceUnavailable)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, left
}

// newKey returns two variables: the publisher's, and the server's.
func newKey(t *testing.T) (key, hash string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "notifier"), "key", "new").Output()
	if err != nil {
		t.Fatal(err)
	}
	key, hash, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
	return key, hash
}

// kept is what the server keeps for token 1, without ids and times. key is the
// variable with the key.
func kept(t *testing.T, server, key string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+"/api/events?token=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", strings.TrimPrefix(key, "NOTIFIER_KEY="))
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var page struct {
		Events []struct {
			EntityType string          `json:"entityType"`
			Data       json.RawMessage `json:"data"`
		} `json:"events"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(page.Events)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(b))
}
