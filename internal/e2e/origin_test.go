package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
	closed := nodetest.Start(t, func(c *config.Config) { c.AllowOrigin = []string{page} })
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

	tb := b.open(stranger)
	if answer := eval[string](tb, fetchJS(closed.URL, `{"tokens": ["cookie-1"]}`)); answer != "TypeError" {
		t.Errorf("a page of an origin that was not allowed got %s", answer)
	}
	if opened := eval[bool](tb, fmt.Sprintf(`new Promise((resolve) => {
		const source = new EventSource(%q, {withCredentials: true});
		source.onopen = () => resolve(true);
		source.onerror = () => resolve(false);
	})`, closed.URL+"/events")); opened {
		t.Error("a page of an origin that was not allowed opened a stream")
	}
	if kept := call[struct{ Events []receipt }](t, http.MethodGet, closed.URL+"/api/events?token=cookie-1").Events; len(kept) != 3 {
		t.Errorf("%d events are kept, want 3: the stranger's must not be among them", len(kept))
	}
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
