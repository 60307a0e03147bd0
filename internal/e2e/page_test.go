package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPage uses the demo page as a person would, and restarts the server below it.
func TestPage(t *testing.T) {
	addr, dir := freeAddr(t), t.TempDir()
	s := serve(t, addr, dir)
	tb := startBrowser(t).open(s.url + "/")
	tb.openStream("alice")
	tb.openStream("bob")

	id := tb.sendForm("alice", "like", "", `{"post": 7}`)
	tb.until(shown("alice", 1))
	if got := eval[string](tb, newest("alice")+".dataset.id"); got != id {
		t.Errorf("the page shows the event as %s, it was sent as %s", got, id)
	}
	tb.until(newest("alice") + `.textContent.includes('"post": 7')`)
	tb.until(shown("bob", 0))

	// Nobody looks at the page: what comes is unread.
	tb.do(chromedp.Evaluate[chromedp.Void]("dispatchEvent(new Event('blur'))"))
	tb.sendForm("alice", "deploy", "deploy", `"named"`)
	tb.until(shown("alice", 2))
	tb.until(card("alice", "[data-testid=unread]") + ".textContent === '1'")
	tb.until("document.title === '(1) notifier'")
	tb.do(chromedp.Evaluate[chromedp.Void]("dispatchEvent(new Event('focus'))"))
	tb.until("document.title === 'notifier'")

	// What is sent as markup is shown as text.
	const markup = `<img src=x onerror=document.title='hacked'>`
	tb.sendForm("bob", markup, "", fmt.Sprintf(`{%q: %q}`, markup, markup))
	tb.until(shown("bob", 1))
	if got := eval[string](tb, newest("bob")+".textContent"); strings.Count(got, markup) != 3 {
		t.Errorf("the page shows %q", got)
	}
	tb.until(newest("bob") + ".querySelector('img') === null")

	// The command that the page offers does the same as the form.
	command := eval[string](tb, "document.querySelector('[data-testid=curl]').textContent")
	program(t, "curl")
	if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	tb.until(shown("bob", 2))

	for _, m := range tb.said() {
		t.Errorf("in the console: %s: %s %s", m.Type, m.Text, m.URL)
	}

	// A crash loses nothing, and the page goes on where it was.
	s.kill()
	tb.until(inState("reconnecting"))
	s = serve(t, addr, dir)
	tb.until(inState("open"))
	tb.sendForm("alice, bob", "like", "", `"after the crash"`)
	tb.until(shown("alice", 3))
	tb.until(shown("bob", 3))
	tb.until("document.querySelector('[data-testid=gap]') === null")

	// A server that begins anew cannot know what was missed, and the page says so.
	s.stop(t)
	tb.until(inState("reconnecting"))
	s = serve(t, addr, "memory")
	defer s.stop(t)
	tb.until(inState("open"))
	tb.until("document.querySelectorAll('[data-testid=gap]').length === 2")
	tb.sendForm("alice, bob", "like", "", `"after the loss"`)
	tb.until(shown("alice", 4))
	tb.until(shown("bob", 4))

	for _, m := range tb.said() {
		if m.Source != "network" { // the browser says that it could not connect
			t.Errorf("in the console: %s: %s %s", m.Type, m.Text, m.URL)
		}
	}
}

// inState is JavaScript for: both streams are in a state.
func inState(state string) string {
	return fmt.Sprintf("document.querySelectorAll('[data-testid=stream][data-state=%q]').length === 2", state)
}

// card is JavaScript for an element in the card of a token, or for the card.
func card(token, selector string) string {
	return fmt.Sprintf("document.querySelector('[data-testid=stream][data-token=%q] %s')", token, selector)
}

// shown is JavaScript for: the card of a token shows so many notifications.
func shown(token string, count int) string {
	return fmt.Sprintf("%s.querySelectorAll('[data-testid=notification]').length === %d", card(token, ""), count)
}

// newest is JavaScript for the notification that came last.
func newest(token string) string { return card(token, "[data-testid=notification]") }

func testID(id string) chromedp.CSS { return chromedp.CSS("[data-testid=" + id + "]") }

func (tb *tab) openStream(token string) {
	tb.t.Helper()
	tb.do(chromedp.SendKeys(testID("token-input"), token), chromedp.Click(testID("open-stream")))
	tb.until(card(token, "") + "?.dataset.state === 'open'")
}

// fill types text into an input in place of what was there.
func fill(id, text string) chromedp.Action[chromedp.Void] {
	input := "document.querySelector('[data-testid=" + id + "]')"
	return chromedp.Steps(
		chromedp.Evaluate[chromedp.Void](input+".focus(), "+input+".select()"),
		chromedp.KeyEvent(kb.Backspace+text),
	)
}

// sendForm sends with the form and returns the id of the event.
func (tb *tab) sendForm(tokens, entityType, event, data string) string {
	tb.t.Helper()
	tb.do(
		fill("send-tokens", tokens),
		fill("send-type", entityType),
		fill("send-event", event),
		fill("send-data", data),
		chromedp.Click(testID("send-button")),
	)
	const result = "document.querySelector('[data-testid=send-result]')"
	tb.until(result + ".dataset.status !== 'busy'")
	text := eval[string](tb, result+".innerText")
	reached, id, _ := strings.Cut(text, "id ")
	if want := fmt.Sprintf("Reached %d stream", 1+strings.Count(tokens, ",")); !strings.HasPrefix(reached, want) {
		tb.t.Fatalf("the page says %q, want %s", text, want)
	}
	id, _, _ = strings.Cut(id, " ")
	return id
}
