package e2e

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"notifier/auth"
	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// TestConsole operates a server with the console, and restarts it below the page.
func TestConsole(t *testing.T) {
	addr, admin := freeAddr(t), freeAddr(t)
	s := serve(t, addr, "memory", "--admin-listen", admin)
	client := &nodetest.Node{URL: s.url, Client: client}
	phone := client.Open(t, "token=user-1&control=1")
	phone.Next() // ready
	client.Open(t, "token=user-1")
	client.Open(t, "token=user-2")
	client.Open(t, "token="+url.QueryEscape("<img src=x onerror=document.title='hacked'>"))

	tb := startBrowser(t).open("http://" + admin + "/")
	tb.until(text("status-text") + " === 'Ready'")
	tb.until(test("streams") + ".textContent === '4'")

	// What is published moves the counters.
	for range 3 {
		client.Post(t, "/api", `{"tokens":["user-1"],"data":"first"}`)
	}
	for _, figure := range []string{"publishes", "deliveries", "p99"} {
		tb.until(`/[1-9]/.test(` + test(figure) + `.textContent)`)
	}
	tb.until(`document.querySelector('#chart-deliveries .line').getAttribute('d').includes('L')`)

	// A token is found by its beginning, and chosen.
	const found = `[...document.querySelectorAll('[data-testid=online] .name')].map((e) => e.textContent).join()`
	tb.until(found + ` === "<img src=x onerror=document.title='hacked'>,user-1,user-2"`)
	tb.do(fill("search", "user-"))
	tb.until(found + ` === 'user-1,user-2'`)
	tb.do(fill("search", "user-2"))
	tb.until(found + ` === 'user-2'`)
	tb.do(fill("search", "user-1"))
	tb.until(found + ` === 'user-1'`)
	tb.do(chromedp.Click(chromedp.CSS("[data-testid=online] button")))
	const rows = `document.querySelectorAll('[data-testid=stream-rows] tr')`
	const events = `document.querySelectorAll('[data-testid=events] li')`
	tb.until(rows + `.length === 2`)
	tb.until(rows + `[0].querySelector('.address').textContent.startsWith('127.0.0.1:')`)
	tb.until(rows + `[0].querySelector('.events').textContent === '3'`)
	tb.until(events + `.length === 3`)

	// A test event arrives, and is kept.
	tb.do(fill("send-data", `{"n": 12345678901234567890}`), chromedp.Click(testID("send-button")))
	tb.until(test("send-result") + `.textContent.startsWith('Reached 2 streams')`)
	tb.until(events + `.length === 4 && ` + events + `[0].textContent.includes('{"n":12345678901234567890}')`)
	for range 3 {
		phone.Next()
	}
	ev, err := phone.Next()
	if err != nil || ev.Data != `{"entityType":"test","data":{"n":12345678901234567890}}` {
		t.Errorf("the stream got %s, %v", ev.Data, err)
	}
	tb.do(fill("send-data", `{"unfinished"`), chromedp.Click(testID("send-button")))
	tb.until(test("send-result") + `.dataset.status === 'error'`)
	tb.until(test("refusals") + `.textContent.includes('bad-request')`)

	// One stream ends, and not the other.
	tb.do(chromedp.Click(chromedp.CSS("[data-testid=stream-rows] button")))
	if ev, err := phone.Next(); err != nil || ev.Type != "notifier-close" {
		t.Errorf("the closed stream got %s, %v", ev.Type, err)
	}
	tb.until(rows + `.length === 1`)
	tb.until(`[...` + test("closes") + `.querySelectorAll('tr')].some((row) => row.dataset.key === 'revoked' && row.querySelector('.all').textContent === '1')`)

	// Forgetting and denying ask first.
	tb.do(chromedp.Click(testID("forget")))
	tb.do(chromedp.Click(chromedp.CSS("#sure button[value='']")))
	tb.until(`!document.querySelector('dialog').open && ` + events + `.length === 4`)
	tb.do(chromedp.Click(testID("forget")), chromedp.Click(testID("sure")))
	tb.until(test("token-result") + `.textContent === '4 forgotten.' && ` + events + `.length === 0`)
	tb.do(chromedp.Click(testID("deny")), chromedp.Click(testID("sure")))
	tb.until(rows + `.length === 0`)
	if refused := client.Open(t, "token=user-1"); refused.Status != 403 {
		t.Errorf("a denied token got %d", refused.Status)
	}
	tb.do(chromedp.Click(chromedp.CSS("[data-testid=denied] button")))
	tb.until(test("denied") + `.children.length === 0`)
	if again := client.Open(t, "token=user-1"); again.Status != 200 {
		t.Errorf("after the denial was lifted: %d", again.Status)
	}

	// Nothing of this stands in the page's address, nor is anything stored.
	if got := eval[string](tb, `location.href + history.length + localStorage.length + sessionStorage.length`); got != "http://"+admin+"/200" {
		t.Errorf("address, history and storage: %s", got)
	}
	if title := eval[string](tb, "document.title"); title != "notifier console" {
		t.Errorf("the title is %q", title)
	}
	for _, m := range tb.said() {
		if !strings.Contains(m.Text, "400 (Bad Request)") { // that was asked for
			t.Errorf("in the console: %s: %s %s", m.Type, m.Text, m.URL)
		}
	}

	// The server goes away and comes back as another one.
	s.kill()
	tb.until(test("status") + `.dataset.state === 'lost'`)
	s = serve(t, addr, "memory", "--admin-listen", admin)
	defer s.stop(t)
	tb.until(text("status-text") + `.startsWith('Ready; restarted at ')`)
	tb.until(test("streams") + ".textContent === '0'")
	tb.until(`document.querySelector('#chart-streams .break').getAttribute('d') !== ''`)
	client.Open(t, "token=user-1")
	tb.until(rows + `.length === 1`)
}

// TestConsoleAsksForKey: where others can reach the private listener, the page needs a
// key, and keeps it to itself.
func TestConsoleAsksForKey(t *testing.T) {
	key, hash := auth.NewAPIKey()
	n := nodetest.Start(t, func(c *config.Config) {
		c.APIKey, c.InsecureOpen, c.AdminListen = []string{"operator=" + hash}, true, "10.0.0.1:4002"
	})
	n.Open(t, "token=user-1")
	address := private(t, n)

	tb := startBrowser(t).open(address)
	tb.until(test("streams") + ".textContent === '1' && !" + test("key-form") + ".hidden")
	tb.do(fill("key", "wrong"), chromedp.Click(testID("use-key")))
	tb.until("!" + test("key-form") + ".hidden && " + test("key") + ".value === ''")
	tb.do(fill("key", key), chromedp.Click(testID("use-key")))
	tb.until(test("online") + `.textContent.includes('user-1')`)
	tb.until(test("key-form") + `.hidden && document.getElementById('online-error').hidden`)
	if got := eval[string](tb, `location.href + localStorage.length + sessionStorage.length + document.cookie`); got != address+"/00" {
		t.Errorf("address and storage: %s", got)
	}
}

// TestConsoleFigures holds how the page reads metrics, in the browser that does.
func TestConsoleFigures(t *testing.T) {
	n := nodetest.Start(t)
	tb := startBrowser(t).open(private(t, n))
	for expression, want := range map[string]string{
		`q(0.5, read(''), read(1, 10, 10, 10))`:                                        "0.050",
		`q(0.5, read(''), read(1, 0, 10, 10))`:                                         "0.150",
		`q(0.99, read(''), read(1, 50, 100, 100))`:                                     "0.198",
		`q(0.99, read(''), read(1, 1, 2, 100))`:                                        "0.200", // beyond every bound
		`q(0.5, read(1, 5, 5, 5), read(2, 5, 5, 5))`:                                   "null",
		`q(0.5, read(1, 90, 90, 90), read(2, 90, 100, 100))`:                           "0.150",
		`m.rate(read(1, 5), read(3, 25), (r) => r.by('h_bucket', 'le').get('0.1'))`:    "10",
		`read(1, 5).value('notifier_streams_opened_total')`:                            "7",
		`m.isSuccessor(read(1, 5), read(2, 6))`:                                        "true",
		`f.latency(0.000325) + ', ' + f.latency(0.0041234) + ', ' + f.latency(12)`:     "325 µs, 4.12 ms, 12 s",
		`f.bytes(999) + ', ' + f.bytes(1000) + ', ' + f.bytes(38.4 * 1024 ** 2)`:       "999 B, 0.977 KiB, 38.4 MiB",
		`f.brief(9999) + ', ' + f.brief(12345) + ', ' + f.brief(0)`:                    "10,000, 12.3K, 0",
		`f.span(59) + ', ' + f.span(3600) + ', ' + f.span(90061) + ', ' + f.span(0.4)`: "59 s, 1 h, 1 d 1 h, 0 s",
	} {
		got := eval[string](tb, `(async () => {
			const [m, f] = [await import('./metrics.js'), await import('./format.js')];
			const read = (time, ...counts) => new m.Reading('# TYPE h histogram\nnotifier_streams_opened_total 7\n' +
				counts.map((n, i) => 'h_bucket{le="' + ['0.1', '0.2', '+Inf'][i] + '"} ' + n + '\n').join(''), time * 1000);
			const q = (...args) => m.quantile(...args, 'h')?.toFixed(3) ?? null;
			return String(`+expression+`);
		})()`)
		if got != want {
			t.Errorf("%s is %s, want %s", expression, got, want)
		}
	}
}

// private is where a browser finds the private listener of a node, which is in memory.
func private(t *testing.T, n *nodetest.Node) (address string) {
	front := httptest.NewServer(&httputil.ReverseProxy{Transport: n.Admin.Transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: n.Config.AdminListen})
	}})
	t.Cleanup(front.Close)
	return front.URL
}

// test is JavaScript for an element, by its name for tests.
func test(id string) string { return "document.querySelector('[data-testid=" + id + "]')" }

// text is JavaScript for what an element says.
func text(id string) string { return "document.getElementById('" + id + "').textContent" }
