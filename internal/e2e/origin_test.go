package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// TestOtherOrigin has pages of another origin than the server's, with the token in
// a cookie: browsers count ports as origins, but not for cookies.
func TestOtherOrigin(t *testing.T) {
	page, stranger := website(t), website(t)
	open := nodetest.Start(t, func(c *config.Config) { c.Retry = 100 * time.Millisecond })
	closed := nodetest.Start(t, func(c *config.Config) { c.AllowOrigin, c.InsecureOpen = []string{page}, true })
	b := startBrowser(t)

	for name, n := range map[string]*nodetest.Node{"development": open, "allowed": closed} {
		tb := b.open(page)
		preflights := tb.countPreflights()
		tb.hear(n.URL+"/events", "{withCredentials: true}")
		first, _ := send(t, n.URL, publication{Tokens: []string{"cookie-1"}, Data: name})
		tb.has([]heard{first})

		cut(t, n.URL, "cookie-1")
		second, _ := send(t, n.URL, publication{Tokens: []string{"cookie-1"}, Event: "like", Data: name})
		tb.has([]heard{first, second})
		if sent := preflights.Load(); sent != 0 {
			t.Errorf("%s: %d preflights for a stream", name, sent)
		}

		checkFetch(t, tb, n.URL, `{"tokens": ["cookie-1"], "data": 3}`, `200 "OK!"`)
		checkFetch(t, tb, n.URL, `{"tokens": ["cookie-1"], "date": 3}`, `400 [{"field":"date","detail":"is not a field of a publication"}]`)
		if preflights.Load() == 0 {
			t.Errorf("%s: JSON was posted without a preflight; is the other count worth anything?", name)
		}
		tb.do(chromedp.Evaluate[chromedp.Void]("source.close()"))
	}

	refuses(t, b.open(stranger), closed.URL)
	if kept := len(call[struct{ Events []receipt }](t, http.MethodGet, closed.URL+"/api/events?token=cookie-1").Events); kept != 3 {
		t.Errorf("%d events are kept, want 3: the stranger's must not be among them", kept)
	}
}

// TestNamedOrigins has pages of websites with names: those of a pattern may read and
// publish, and others get nothing of a server for this machine, not even with the
// server's own address behind their name.
func TestNamedOrigins(t *testing.T) {
	_, sitePort, _ := strings.Cut(strings.TrimPrefix(website(t), "http://"), ":")
	named := func(name string) string { return "http://" + name + ".example:" + sitePort }
	open := nodetest.Start(t)
	closed := nodetest.Start(t, func(c *config.Config) { c.AllowOrigin = []string{named("*.shop")} })
	b := startBrowser(t)

	tb := b.open(named("a.b.shop"))
	checkFetch(t, tb, closed.URL, `{"tokens": ["1"]}`, `200 "OK!"`)
	checkFetch(t, tb, closed.URL, `{"tokens": ["1"], "date": 3}`, `400 [{"field":"date","detail":"is not a field of a publication"}]`)
	if !opens(tb, closed.URL) {
		t.Error("a page of an origin that matches cannot open a stream")
	}

	refuses(t, b.open(named("evil")), open.URL)
	refuses(t, b.open(named("shop")), closed.URL)
	_, port, _ := strings.Cut(open.Addr(), ":")
	rebound := b.open("http://rebound.example:" + port + "/")
	if text := eval[string](rebound, "document.body.innerText"); !strings.Contains(text, "Host is not localhost") {
		t.Errorf("a page of a name that resolves to 127.0.0.1 shows %s", text)
	}
	if answer := eval[string](rebound, fetchJS("", `{"tokens": ["1"]}`)); !strings.HasPrefix(answer, "403") {
		t.Errorf("a page of a name that resolves to 127.0.0.1 got %s", answer)
	}

	for n, want := range map[*nodetest.Node]int{open: 0, closed: 1} {
		if kept := len(call[struct{ Events []receipt }](t, http.MethodGet, n.URL+"/api/events?token=1").Events); kept != want {
			t.Errorf("%d events are kept, want %d: no stranger's must be among them", kept, want)
		}
	}
}

// refuses holds that a page can neither read nor publish, nor make the browser
// publish what it need not ask the server about before.
func refuses(t *testing.T, tb *tab, base string) {
	t.Helper()
	if answer := eval[string](tb, fetchJS(base, `{"tokens": ["1", "cookie-1"]}`)); answer != "TypeError" {
		t.Errorf("a page of an origin that was not allowed got %s", answer)
	}
	if kind := eval[string](tb, fmt.Sprintf(`fetch(%q, {method: 'POST', mode: 'no-cors', credentials: 'include',
		body: new URLSearchParams([['tokens', '1'], ['tokens', 'cookie-1']])}).then((r) => r.type)`, base+"/api")); kind != "opaque" {
		t.Errorf("a form was answered with %s: does it still say anything?", kind)
	}
	if opens(tb, base) {
		t.Error("a page of an origin that was not allowed opened a stream")
	}
}

// opens reports whether a page can open a stream.
func opens(tb *tab, base string) bool {
	return eval[bool](tb, fmt.Sprintf(`new Promise((resolve) => {
		const source = new EventSource(%q, {withCredentials: true});
		source.onopen = () => { source.close(); resolve(true); };
		source.onerror = () => { source.close(); resolve(false); };
	})`, base+"/events?token=cookie-1"))
}

// website serves an empty page that gives its visitors the cookie, and returns
// its origin.
func website(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		http.SetCookie(w, &http.Cookie{Name: "notifier_token", Value: "cookie-1", Path: "/"})
		io.WriteString(w, "<!doctype html><title>another origin</title>")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// countPreflights counts the OPTIONS requests that the browser sends of its own.
func (tb *tab) countPreflights() *atomic.Int64 {
	tb.t.Helper()
	var count atomic.Int64
	err := chromedp.Listen(tb.ctx, func(ev any) {
		if r, ok := ev.(*network.EventRequestWillBeSent); ok && r.Request.Method == http.MethodOptions {
			count.Add(1)
		}
	})
	if err != nil {
		tb.t.Fatal(err)
	}
	return &count
}

// checkFetch posts from the page and compares what it can read of the answer.
func checkFetch(t *testing.T, tb *tab, base, body, want string) {
	t.Helper()
	if got := eval[string](tb, fetchJS(base, body)); got != want {
		t.Errorf("the page reads %s, want %s", got, want)
	}
}

// fetchJS is JavaScript that posts and gives the status and the errors or the data
// of the answer, or the name of the exception.
func fetchJS(base, body string) string {
	return fmt.Sprintf(`fetch(%q, {method: 'POST', body: %q, headers: {'Content-Type': 'application/json'}, credentials: 'include'})
		.then(async (r) => { const {errors, data} = await r.json(); return r.status + ' ' + JSON.stringify(errors ?? data) })
		.catch((e) => e.name)`, base+"/api", body)
}
