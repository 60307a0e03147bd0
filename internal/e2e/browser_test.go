package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A browser is a Chromium with a profile of its own, without a window. It ends
// with the test; what it shows must have been started before, so that it ends
// after.
type browser struct {
	t    *testing.T
	ctx  context.Context
	tabs int
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program(t, "chromium", "chromium-browser", "google-chrome")),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, // needs rights that containers do not give
		chromedp.DisableGPU,
		chromedp.WindowSize(1280, 1024),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("host-resolver-rules", "MAP *.example 127.0.0.1"), // so that websites can have names
		chromedp.Flag("disable-component-update", true),
	)
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, _ := chromedp.NewContext(alloc)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	t.Cleanup(func() {
		closing, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := chromedp.Cancel(closing); err != nil {
			t.Errorf("end Chromium: %v", err)
		}
	})
	return &browser{t: t, ctx: ctx}
}

// A tab shows one page. Its methods end the test if the browser cannot do what
// they ask.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu      sync.Mutex
	console []chromedp.ConsoleMessage
}

// open shows url in a new tab. If the test fails, a picture of the tab is among
// the test's artifacts (go test -artifacts), and its console in the log.
func (b *browser) open(url string) *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	tb := &tab{t: b.t, ctx: ctx}
	go tb.listen(chromedp.Console(ctx))
	b.tabs++
	name := fmt.Sprintf("tab-%d.png", b.tabs)
	b.t.Cleanup(func() {
		if b.t.Failed() {
			tb.picture(name)
		}
	})
	tb.do(chromedp.Navigate(url))
	return tb
}

// listen notes what the page and the browser say about it.
func (tb *tab) listen(messages func(func(chromedp.ConsoleMessage, error) bool)) {
	for m, err := range messages {
		if err != nil {
			return // the tab was closed
		}
		tb.mu.Lock()
		tb.console = append(tb.console, m)
		tb.mu.Unlock()
	}
}

// said is what stands in the console.
func (tb *tab) said() []chromedp.ConsoleMessage {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return slices.Clone(tb.console)
}

func (tb *tab) picture(name string) {
	for _, m := range tb.said() {
		tb.t.Logf("%s: %s: %s %s", name, m.Type, m.Text, m.URL)
	}
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		path := filepath.Join(tb.t.ArtifactDir(), name)
		err = os.WriteFile(path, png, 0o600)
		tb.t.Logf("%s: %s", name, path)
	}
	if err != nil {
		tb.t.Logf("%s: no picture: %v", name, err)
	}
}

// do takes steps that have no result.
func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tb.t.Fatalf("in the browser: %v", err)
	}
}

// eval is the value of a JavaScript expression, or of the promise that it is.
func eval[T any](tb *tab, expression string) T {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.t.Fatalf("in the browser: %s: %v", expression, err)
	}
	return v
}

// until waits until a JavaScript expression is true.
func (tb *tab) until(expression string) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void]("Boolean("+expression+")", chromedp.WithPollingInterval(20*time.Millisecond)))
	if err != nil {
		tb.t.Fatalf("in the browser: not true: %s: %v", expression, err)
	}
}
