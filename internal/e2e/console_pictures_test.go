package e2e

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"notifier/internal/ssetest"
)

var (
	pictures = flag.String("pictures", "", "folder to put pictures of the console into, as docs")
	warmUp   = flag.Duration("pictures.after", 5*time.Minute, "how long the server is busy before they are taken")
)

// TestConsolePictures draws the console of a busy server for the documents.
func TestConsolePictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("no -pictures")
	}
	addr, admin := freeAddr(t), freeAddr(t)
	s := serve(t, addr, t.TempDir(), "--admin-listen", admin, "--lifetime", "4m", "--streams-per-token", "2", "--access-log", "off")
	defer s.stop(t)
	tb := startBrowser(t).open("http://" + admin + "/")

	ctx, stop := context.WithTimeout(t.Context(), *warmUp+time.Minute)
	town := town{url: s.url}
	defer town.Wait()
	defer stop()
	for i := range 340 {
		for range 1 + i%5/4 {
			town.Go(func() { town.listen(ctx, user(i)) })
		}
	}
	town.Go(func() { town.publish(ctx) })
	for _, token := range []string{"user-2077", "bot-17"} {
		body := fmt.Sprintf(`{"token":%q,"until":"24h"}`, token)
		town.post(ctx, "/api/deny", body)
	}
	<-time.After(*warmUp)

	tb.do(fill("search", "user-11"))
	tb.until(test("online") + `.firstElementChild.textContent.startsWith('user-11')`)
	tb.do(chromedp.Click(chromedp.CSS("[data-testid=online] li:nth-child(5) button")))
	tb.until(test("events") + `.children.length > 3`)
	tb.until(test("stream-rows") + `.children.length > 0`)
	tb.do(chromedp.Click(testID("send-button")))
	tb.until(test("send-result") + `.dataset.status === 'ok'`)
	tb.show("light", "console-light.png", 1280, 800)
	tb.show("dark", "console-dark.png", 1280, 800)
	tb.show("light", "console-phone.png", 390, 844, chromedp.EmulateMobile, chromedp.EmulateScale(2))
}

// show takes a picture in a scheme of colours and a size, and keeps it.
func (tb *tab) show(scheme, name string, width, height int64, more ...chromedp.EmulateViewportOption) {
	tb.t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	tb.do(
		chromedp.EmulateViewport(width, height, more...),
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, media)
			return err
		}),
		chromedp.Evaluate[chromedp.Void]("document.activeElement.blur(), scrollTo(0, 0)"),
	)
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(*pictures, name), png, 0o644)
	}
	if err != nil {
		tb.t.Fatal(err)
	}
}

// A town is people who listen, and a backend that has news for them.
type town struct {
	sync.WaitGroup
	url string
}

func user(i int) string { return fmt.Sprintf("user-%d", 1000+i*7%340) }

// listen has a stream until ctx ends, but for being away every now and then.
func (w *town) listen(ctx context.Context, token string) {
	last := ""
	for ctx.Err() == nil {
		visit, leave := context.WithTimeout(ctx, time.Duration(rand.ExpFloat64()*float64(4*time.Minute)))
		req, err := http.NewRequestWithContext(visit, http.MethodGet, w.url+"/events?token="+token, nil)
		if err != nil {
			panic(err)
		}
		if last != "" {
			req.Header.Set("Last-Event-ID", last)
		}
		if resp, err := client.Do(req); err == nil {
			events := ssetest.NewReader(resp.Body)
			for ev, err := events.Next(); err == nil; ev, err = events.Next() {
				last = ev.ID
			}
			resp.Body.Close()
		}
		leave()
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(rand.ExpFloat64() * float64(30*time.Second))):
		}
	}
}

// publish is busier at some times than at others.
func (w *town) publish(ctx context.Context) {
	news := []string{
		`"entityType":"like","data":{"by":"arya","post":%d}`,
		`"entityType":"comment","data":{"by":"jon","post":%d,"text":"See you at the wall"}`,
		`"entityType":"order","event":"shipped","data":{"order":%d,"carrier":"raven"}`,
		`"entityType":"follow","data":{"by":"sansa","since":%d}`,
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		at := time.Since(began).Seconds()
		for range int(4 + 2*math.Sin(at/25) + 1.5*math.Sin(at/7) + 2*rand.Float64()) {
			var tokens []string
			for range 1 + rand.IntN(3) {
				tokens = append(tokens, fmt.Sprintf("%q", user(rand.IntN(340))))
			}
			w.post(ctx, "/api", fmt.Sprintf(`{"tokens":[%s],`+news[rand.IntN(len(news))]+`}`, strings.Join(tokens, ","), rand.IntN(90_000)))
		}
		switch n := rand.IntN(4000); {
		case n < 6:
			w.post(ctx, "/api", `{"all":true,"entityType":"notice","data":"maintenance at noon","ttl":0}`)
		case n < 20:
			w.post(ctx, "/api", `{"tokens":[]}`)
		case n < 30:
			w.get(ctx, "/events?token="+user(4))
		case n < 34:
			w.get(ctx, "/events?token=bot-17")
		}
	}
}

func (w *town) post(ctx context.Context, path, body string) {
	w.do(ctx, http.MethodPost, path, body)
}

func (w *town) get(ctx context.Context, path string) {
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	w.do(short, http.MethodHead, path, "")
}

func (w *town) do(ctx context.Context, method, path, body string) {
	req, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if resp, err := client.Do(req); err == nil {
		resp.Body.Close()
	}
}
