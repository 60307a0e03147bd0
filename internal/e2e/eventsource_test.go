package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// heard is an event as a page's listener gets it.
type heard struct {
	By   string `json:"by"` // the listener: onmessage, or the name it was added for
	Type string `json:"type"`
	Data string `json:"data"`
	ID   string `json:"id"`
}

// hear opens an EventSource in the tab and keeps what its listeners get.
func (tb *tab) hear(url, options string) {
	tb.t.Helper()
	opened := eval[bool](tb, fmt.Sprintf(`new Promise((resolve) => {
		window.source = new EventSource(%q, %s);
		window.heard = [];
		const hear = (by) => (e) => heard.push({by, type: e.type, data: e.data, id: e.lastEventId});
		source.onmessage = hear('onmessage');
		source.addEventListener('like', hear('like'));
		source.onopen = () => resolve(true);
		source.onerror = () => source.readyState === EventSource.CLOSED && resolve(false);
	})`, url, options))
	if !opened {
		tb.t.Fatal("the browser has given up the stream")
	}
}

// has waits for events and checks that they are all.
func (tb *tab) has(want []heard) {
	tb.t.Helper()
	tb.until(fmt.Sprintf("heard.length >= %d", len(want)))
	if got := eval[[]heard](tb, "heard"); !slices.Equal(got, want) {
		tb.t.Errorf("the page heard %q, want %q", got, want)
	}
}

// send publishes and returns what pages hear of it.
func send(t *testing.T, base string, p publication) (heard, receipt) {
	t.Helper()
	r := publish(t, base, p)
	h := heard{By: "onmessage", Type: "message", Data: p.wire(), ID: r.ID}
	if p.Event != "" {
		h.By, h.Type = p.Event, p.Event
	}
	return h, r
}

// TestEventSource has two tabs of one token and one of another.
func TestEventSource(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.Retry = 400 * time.Millisecond })
	b := startBrowser(t)
	tabs := []*tab{b.open(n.URL + "/livez"), b.open(n.URL + "/livez"), b.open(n.URL + "/livez")}
	both, other := tabs[:2], tabs[2]
	for _, tb := range both {
		tb.hear("/events?token=1", "{}")
	}
	other.hear("/events?token=2", "{}")

	plain, _ := send(t, n.URL, publication{Tokens: []string{"1"}, Type: "comment", Data: "text \u2028 \"ü\" </script>"})
	named, _ := send(t, n.URL, publication{Tokens: []string{"1", "2"}, Type: "like", Event: "like", Data: map[string]int{"post": 7}})
	others, _ := send(t, n.URL, publication{Tokens: []string{"2"}, Data: 2})
	want := []heard{plain, named}
	for _, tb := range both {
		tb.has(want)
	}

	// The server ends the streams; the browser comes back by itself.
	missed := 0
	for round := range 3 {
		if closed := cut(t, n.URL, "1"); closed != len(both) {
			t.Fatalf("closed %d streams, want %d", closed, len(both))
		}
		eventually(t, "the streams are closed", func() bool { return openStreams(t, n.URL, "1") == 0 })
		one, r := send(t, n.URL, publication{Tokens: []string{"1"}, Data: round})
		two, _ := send(t, n.URL, publication{Tokens: []string{"1"}, Event: "like", Data: round})
		want = append(want, one, two)
		if r.Streams == 0 {
			missed++
		}
		eventually(t, "the browser is back", func() bool { return openStreams(t, n.URL, "1") == len(both) })
		last, _ := send(t, n.URL, publication{Tokens: []string{"1"}, Data: "back"})
		want = append(want, last)
		for _, tb := range both {
			tb.has(want)
		}
	}
	if missed == 0 {
		t.Error("the browser was always back before anything was published")
	}
	other.has([]heard{named, others})
}
