package doctor

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// findings examines a server at a URL.
func findings(t *testing.T, base string, edit func(*Config)) (all []Finding) {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{URL: u, Wait: 500 * time.Millisecond, Idle: 1200 * time.Millisecond}
	if edit != nil {
		edit(&cfg)
	}
	Examine(t.Context(), cfg, func(f Finding) { all = append(all, f) })
	return all
}

// find is the first finding of a check that is at that level.
func find(t *testing.T, all []Finding, check string, level Level) Finding {
	t.Helper()
	i := slices.IndexFunc(all, func(f Finding) bool { return f.Check == check && f.Level == level })
	if i < 0 {
		t.Fatalf("no %s: %s in %+v", check, level, all)
	}
	return all[i]
}

// node is one that beats every second.
func node(t *testing.T) *nodetest.Node {
	return nodetest.Start(t, func(c *config.Config) { c.Heartbeat, c.InsecureOpen = time.Second, true })
}

// TestNothingInFront finds nothing wrong: but for TLS, which there is not.
func TestNothingInFront(t *testing.T) {
	t.Parallel()
	all := findings(t, node(t).URL, nil)
	for _, f := range all {
		if f.Level == Problem || f.Level == Warning && f.Check != "version" {
			t.Errorf("%+v", f)
		}
	}
	for _, check := range []string{"reach", "upstream", "publish", "first bytes", "headers", "compression", "events", "resume", "hang-up", "end", "idle"} {
		find(t, all, check, OK)
	}
	if f := find(t, all, "version", Warning); len(f.Advice) != len(products) {
		t.Errorf("advice for %d products; want all that there are if the proxy is unknown", len(f.Advice))
	}
}

// front is a proxy in front of a node.
func front(t *testing.T, n *nodetest.Node, edit func(*httputil.ReverseProxy), wrap func(http.Handler) http.Handler) *httptest.Server {
	t.Helper()
	u, err := url.Parse(n.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) }}
	if edit != nil {
		edit(proxy)
	}
	var h http.Handler = proxy
	if wrap != nil {
		h = wrap(h)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = true
	t.Cleanup(func() {
		srv.Close()
		transport.CloseIdleConnections()
	})
	return srv
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	srv := front(t, node(t), nil, nil)
	srv.StartTLS()
	all := findings(t, srv.URL, func(c *Config) { c.TLS = srv.Client().Transport.(*http.Transport).TLSClientConfig })
	find(t, all, "version", OK)
	find(t, all, "headers", OK)
	for _, f := range all {
		if f.Level == Problem {
			t.Errorf("%+v", f)
		}
	}
}

// A lumpy body passes on what has come only now and then.
type lumpy struct {
	io.ReadCloser
	every time.Duration
}

func (l lumpy) Read(b []byte) (int, error) {
	<-time.After(l.every)
	return l.ReadCloser.Read(b)
}

func TestLumps(t *testing.T) {
	for _, tt := range []struct {
		every time.Duration
		level Level
		text  string
	}{
		{250 * time.Millisecond, Warning, "waits for more"},
		{1500 * time.Millisecond, Problem, "in lumps"},
	} {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			srv := front(t, node(t), func(p *httputil.ReverseProxy) {
				p.ModifyResponse = func(r *http.Response) error {
					if r.Request.Method == http.MethodGet && r.Request.URL.Path == "/events" {
						r.Body = lumpy{r.Body, tt.every}
					}
					return nil
				}
			}, nil)
			srv.Start()
			u, _ := url.Parse(srv.URL)
			var all []Finding
			e := newExam(Config{URL: u, Wait: 2500 * time.Millisecond}, func(f Finding) { all = append(all, f) })
			defer e.client.CloseIdleConnections()
			e.publish = true
			e.checkEvents(t.Context())
			if f := find(t, all, "buffering", tt.level); !strings.Contains(f.Text, tt.text) || len(f.Advice) == 0 {
				t.Errorf("%+v, want %q", f, tt.text)
			}
		})
	}
}

// TestGhosts has a proxy that goes on reading for clients that have gone.
func TestGhosts(t *testing.T) {
	t.Parallel()
	srv := front(t, node(t), nil, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && r.URL.Path == "/events" {
				r = r.WithContext(t.Context())
				w = deaf{w, http.NewResponseController(w)}
			}
			next.ServeHTTP(w, r)
		})
	})
	srv.Start()
	all := findings(t, srv.URL, nil)
	if f := find(t, all, "hang-up", Problem); !strings.Contains(f.Text, "still open") {
		t.Errorf("%+v", f)
	}
}

// deaf does not hear that its client has gone.
type deaf struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (d deaf) Write(b []byte) (int, error) {
	d.ResponseWriter.Write(b)
	return len(b), nil
}

func (d deaf) FlushError() error {
	d.control.Flush()
	return nil
}

// TestUnreachable has things in front that are no proxy to a server at all.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	const refusal = `{"detail":"no such key"}`
	for _, tt := range []struct {
		status      int
		kind, body  string
		token, want string
	}{
		{http.StatusMovedPermanently, "text/html", "", "", "https://example.com/there"},
		{http.StatusUnauthorized, "application/problem+json", refusal, "", "--token"},
		{http.StatusUnauthorized, "application/problem+json", refusal, "x", "no such key"},
		{http.StatusForbidden, "text/html", "<h1>no</h1>", "x", "something in front"},
		{http.StatusNotFound, "text/html", "", "", "--base-path"},
		{http.StatusTooManyRequests, "application/problem+json", refusal, "", "no such key"},
		{http.StatusBadGateway, "text/html", "", "", "does not reach notifier"},
		{http.StatusNoContent, "text/html", "", "", "not answered by notifier"},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", tt.kind)
			w.Header().Set("Location", "https://example.com/there")
			w.WriteHeader(tt.status)
			fmt.Fprint(w, tt.body)
		}))
		all := findings(t, srv.URL, func(c *Config) { c.Token = tt.token })
		srv.Close()
		if f := find(t, all, "reach", Problem); !strings.Contains(f.Text, tt.want) {
			t.Errorf("%d: %q, want %q in it", tt.status, f.Text, tt.want)
		}
		for _, f := range all[len(all)-1:] {
			if f.Check != "reach" {
				t.Errorf("%d: went on with %s", tt.status, f.Check)
			}
		}
	}
	gone := httptest.NewServer(nil)
	gone.Close()
	if f := find(t, findings(t, gone.URL, nil), "reach", Problem); !strings.Contains(f.Text, "connection refused") || len(f.Advice) == 0 {
		t.Errorf("%+v", f)
	}
}

// TestKeyRefused has a server that takes no publications.
func TestKeyRefused(t *testing.T) {
	t.Parallel()
	srv := front(t, node(t), nil, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, "/api") {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnauthorized)
		})
	})
	srv.Start()
	all := findings(t, srv.URL, nil)
	find(t, all, "publish", Note)
	find(t, all, "events", Note)
	find(t, all, "ends", Note)
	find(t, all, "resume", OK) // needs no publishing
	find(t, all, "idle", OK)
	find(t, findings(t, srv.URL, func(c *Config) { c.Key = "wrong" }), "publish", Problem)
}

func TestIdle(t *testing.T) {
	for _, tt := range []struct {
		silence
		level Level
		text  string
	}{
		{silence{lasted: 20 * time.Second, beats: 1, longest: 15 * time.Second}, OK, "heartbeat every 15s"},
		{silence{lasted: 70 * time.Second, beats: 1, longest: 55 * time.Second}, Warning, "lower the server's --heartbeat"},
		{silence{lasted: 20 * time.Second}, Warning, "no heartbeat"},
		{silence{lasted: 9 * time.Second, last: 8 * time.Second, ended: true}, Problem, "cut after 8s of silence"},
		{silence{lasted: 30 * time.Second, last: time.Second, beats: 2, longest: 15 * time.Second, ended: true}, Problem, "limits how long"},
		{silence{lasted: 30 * time.Second, why: "lifetime", ended: true}, Note, "itself ended the stream after 30s (lifetime)"},
	} {
		var got Finding
		(&exam{say: func(f Finding) { got = f }}).judge(tt.silence)
		if got.Level != tt.level || !strings.Contains(got.Text, tt.text) {
			t.Errorf("%+v: %+v", tt.silence, got)
		}
	}
}

func TestRecognize(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        []proxy
	}{
		{"Server", "nginx/1.22.1", []proxy{nginx}},
		{"Server", "Apache/2.4.71 (Debian)", []proxy{apache}},
		{"Server", "Caddy", []proxy{caddy}},
		{"Via", "1.1 Caddy", []proxy{caddy}},
		{"Server", "cloudflare", []proxy{cloudflare}},
		{"Cf-Ray", "8f0", []proxy{cloudflare}},
		{"Set-Cookie", "AWSALB=x; Path=/", []proxy{alb}},
		{"Server", "gunicorn", nil},
	} {
		if got := recognize(http.Header{tt.name: {tt.value}}); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %s is %v, want %v", tt.name, tt.value, got, tt.want)
		}
	}
	if got := recognize(http.Header{"Server": {"cloudflare"}, "Via": {"1.1 haproxy"}}); len(got) != 2 {
		t.Errorf("%v, want two in a row", got)
	}
}

// TestManual has advice on every topic for every product, but for how Cloudflare
// speaks to servers, which cannot be chosen.
func TestManual(t *testing.T) {
	for about := buffering; about <= unreachable; about++ {
		for _, p := range products {
			if manual[about][p] == "" && !(about == oldUpstream && p == cloudflare) {
				t.Errorf("topic %d: no advice for %s", about, p)
			}
		}
	}
}

func TestSubject(t *testing.T) {
	for token, want := range map[string]string{
		"e30.eyJzdWIiOiI0MiJ9.x": "42", "e30.e30.x": "", "1": "", "a.b.c": "", "": "",
	} {
		if got := subject(token); got != want {
			t.Errorf("%q: %q, want %q", token, got, want)
		}
	}
}

func TestWriteText(t *testing.T) {
	var b strings.Builder
	f := Finding{Check: "idle", Level: Problem, Text: "cut", Advice: []Advice{{"nginx", "one\ntwo"}}}
	if err := WriteText(&b, f); err != nil {
		t.Fatal(err)
	}
	want := "PROBLEM  idle         cut\n" + strings.Repeat(" ", 22) + "nginx:      one\n" + strings.Repeat(" ", 34) + "two\n"
	if b.String() != want {
		t.Errorf("%q\nwant %q", b.String(), want)
	}
}
