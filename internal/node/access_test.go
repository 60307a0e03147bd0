package node_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// lines are the lines of the access log, without their time.
func lines(n *nodetest.Node) (all []string) {
	for line := range strings.Lines(n.Log.String()) {
		if _, line, ok := strings.Cut(line, "level=INFO msg="); ok && (strings.HasPrefix(line, "publish ") || strings.HasPrefix(line, "request ")) {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

const took = ` took=0s remote=::`

func TestAccessLog(t *testing.T) {
	id := regexp.MustCompile(`id=[0-9a-f]{10}-(\d+)`)
	publish := []string{
		"publish method=POST path=/ws/api status=200" + took + " publisher=anyone tokens=2 id=*-1 bytes=25",
		"publish method=POST path=/ws/api/ status=400" + took + " publisher=anyone",
		"publish method=POST path=/ws/api/batch status=200" + took + " publisher=anyone tokens=1 id=*-2 bytes=35 publications=1 refused=1",
	}
	all := append(publish,
		"request method=GET path=/ws/events status=200"+took,
		"request method=GET path=/ws/events status=400"+took,
		"request method=GET path=/ws/api/streams status=200"+took,
		"request method=GET path=other status=404"+took,
		"request method=other path=other status=405"+took,
		"request method=HEAD path=/ws/livez status=200"+took,
	)
	for mode, want := range map[string][]string{"off": nil, "publishes": publish, "all": all} {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := nodetest.StartPipe(t, func(c *config.Config) { c.AccessLog, c.BasePath = mode, "/ws" })
				n.Do(t, http.MethodPost, "/api", `{"tokens":["s3cret","2"]}`)
				n.Do(t, http.MethodPost, "/api/", `{"s3cret":1}`)
				send(t, n, "/api/batch", "application/x-ndjson", `{"tokens":["s3cret"],"data":1}`+"\nbad\n")
				n.Open(t, "token=s3cret", "Last-Event-ID", "s3cret").Body.Close()
				synctest.Wait()
				n.Open(t, "token=s3cret&control=s3cret")
				n.Do(t, http.MethodGet, "/api/streams?token=s3cret", "")
				n.Do(t, http.MethodGet, "/s3cret?token=s3cret", "")
				n.Do(t, "S3CRET", "/livez", "")
				n.Do(t, http.MethodHead, "/livez?token=s3cret", "")
				got := lines(n)
				for i := range got {
					got[i] = id.ReplaceAllString(got[i], "id=*-$1")
				}
				if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
					t.Errorf("got\n%s\nwant\n%s", g, w)
				}
				if strings.Contains(strings.ToLower(n.Log.String()), "s3cret") {
					t.Error("a secret is in the log")
				}
			})
		})
	}
}

func send(t *testing.T, n *nodetest.Node, path, kind, body string) {
	t.Helper()
	resp, err := n.Client.Post(n.URL+path, kind, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// Under load the log says how much it leaves out, and then goes on.
func TestAccessLogLeavesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t)
		for range 1500 {
			n.Do(t, http.MethodPost, "/api", `{"tokens":["1"]}`)
		}
		time.Sleep(3 * time.Second)
		n.Do(t, http.MethodPost, "/api", `{"tokens":["1"]}`)
		if got := len(lines(n)); got != 1001 {
			t.Errorf("%d lines", got)
		}
		if !strings.Contains(n.Log.String(), `msg="the access log left out lines" lines=500`) {
			t.Error("it is not said that lines were left out")
		}
	})
}

// A change of the setting holds at once.
func TestAccessLogReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cfg config.Config
		n := nodetest.StartPipe(t, func(c *config.Config) { c.PublishRate = 1; cfg = *c })
		n.Do(t, http.MethodPost, "/api", `{"tokens":["1"]}`)
		cfg.AccessLog, cfg.PublishRate = "off", 100
		if err := n.Reload(cfg); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			if status, answer := n.Do(t, http.MethodPost, "/api", fmt.Sprintf(`{"tokens":["1"],"data":%d}`, i)); status != 200 {
				t.Errorf("%d %v", status, answer)
			}
		}
		if got := len(lines(n)); got != 1 {
			t.Errorf("%d lines", got)
		}
	})
}

func BenchmarkAccessLog(b *testing.B) {
	for _, mode := range []string{"off", "publishes"} {
		b.Run(mode, func(b *testing.B) {
			n := nodetest.Start(b, func(c *config.Config) { c.AccessLog = mode })
			client := &http.Client{}
			b.ReportAllocs()
			for b.Loop() {
				resp, err := client.Post(n.URL+"/api", "application/json", strings.NewReader(`{"tokens":["1"]}`))
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
}
