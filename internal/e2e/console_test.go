package e2e

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

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
	tb.until(events + `.length === 4 && ` + events + `[0].textContent.includes('test')`)
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

// test is JavaScript for an element, by its name for tests.
func test(id string) string { return "document.querySelector('[data-testid=" + id + "]')" }

// text is JavaScript for what an element says.
func text(id string) string { return "document.getElementById('" + id + "').textContent" }
