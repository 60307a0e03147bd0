package node_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func presence(c *config.Config) { c.AnnouncePresence = true }

// Everybody else is told who comes, at once, and who has left, once it is clear
// that it is no reload of a page.
func TestPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t, presence)
		watcher := n.Open(t, "token=w")
		want := func(typ, token string) {
			t.Helper()
			ev, err := watcher.Next()
			data := fmt.Sprintf(`{"entityType":%q,"data":{"token":%q}}`, typ, token)
			if err != nil || ev.Type != typ || ev.Data != data {
				t.Fatalf("got %+v, %v; want %s", ev, err, data)
			}
		}
		one, two := n.Open(t, "token=1"), n.Open(t, "token=1")
		want("new_user", "1")
		one.Body.Close()
		two.Body.Close()
		time.Sleep(3 * time.Second)
		back := n.Open(t, "token=1") // a reload: no news
		n.Open(t, "token=2")
		want("new_user", "2")
		if ev, err := back.Next(); err != nil || ev.Type != "new_user" || !strings.Contains(ev.Data, `"2"`) {
			t.Errorf("the token's own streams are told of others only: %+v, %v", ev, err)
		}
		start := time.Now()
		back.Body.Close()
		want("user_left", "1")
		if d := time.Since(start); d < 10*time.Second || d > 12*time.Second {
			t.Errorf("said to have left after %v", d)
		}
		if _, answer := n.Do(t, http.MethodGet, "/api/events?token=1", ""); len(answer["events"].([]any)) != 0 {
			t.Errorf("presence is kept: %v", answer)
		}
	})
}

func TestPresenceIsOptional(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t)
		watcher := n.Open(t, "token=w")
		n.Open(t, "token=1")
		n.Post(t, "/api", `{"tokens":["w"],"entityType":"first"}`)
		if ev, err := watcher.Next(); err != nil || !strings.Contains(ev.Data, "first") {
			t.Errorf("%+v, %v", ev, err)
		}
	})
}

// While the node drains, publishers are still answered, streams are told why they
// end, and load balancers are told to look elsewhere.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t)
		s := n.Open(t, "token=1&control=1")
		if ev, err := s.Next(); err != nil || ev.Type != "notifier-ready" {
			t.Fatalf("%+v, %v", ev, err)
		}
		start := time.Now()
		go n.Stop(t)
		if ev, err := s.Next(); err != nil || ev.Type != "notifier-close" || ev.Data != `{"reason":"drain"}` {
			t.Errorf("%+v, %v", ev, err)
		}
		if ev, err := s.Next(); err == nil {
			t.Errorf("after the end: %+v", ev)
		}
		n.Stop(t)
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("an idle node took %v to stop", d)
		}
		if log := n.Log.String(); !strings.Contains(log, "notifier has stopped") {
			t.Errorf("log: %s", log)
		}
	})
}

func TestControlCalls(t *testing.T) {
	n := nodetest.Start(t)
	s := n.Open(t, "token=a")
	n.Open(t, "token=a")
	n.Open(t, "token=b")
	n.Post(t, "/api", `{"tokens":["a"],"entityType":"like","event":"e","data":{"n":1.0}}`)
	n.Post(t, "/api", `{"tokens":["a","b"]}`)
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/api/streams", `{"online":[{"streams":2,"token":"a"},{"streams":1,"token":"b"}],"streams":3,"tokens":2}`},
		{"GET", "/api/streams?limit=1&after=a", `{"online":[{"streams":1,"token":"b"}],"streams":3,"tokens":2}`},
		{"GET", "/api/streams?token=a&token=c&token=a", `{"results":{"a":2,"c":0},"streams":2}`},
		{"DELETE", "/api/events?token=b", `{"forgotten":1}`},
		{"DELETE", "/api/streams?token=a&token=c", `{"closed":2}`},
	} {
		status, answer := n.Do(t, c.method, c.path, "")
		if got := compact(t, answer); status != 200 || got != c.want {
			t.Errorf("%s %s: %d %s, want %s", c.method, c.path, status, got, c.want)
		}
	}
	for _, want := range []string{"like", `"entityType":""`} {
		if ev, err := s.Next(); err != nil || !strings.Contains(ev.Data, want) {
			t.Errorf("%+v, %v", ev, err)
		}
	}
	if ev, err := s.Next(); err == nil {
		t.Errorf("the stream goes on: %+v", ev)
	}

	_, page := n.Do(t, "GET", "/api/events?token=a&limit=1", "")
	first := page["events"].([]any)[0].(map[string]any)
	if first["event"] != "e" || first["entityType"] != "like" || compact(t, first["data"]) != `{"n":1}` || first["id"] != page["next"] || page["more"] != true {
		t.Errorf("got %s", compact(t, page))
	}
	if _, err := time.Parse(time.RFC3339, first["time"].(string)); err != nil {
		t.Error(err)
	}
	_, rest := n.Do(t, "GET", "/api/events?token=a&after="+page["next"].(string), "")
	if len(rest["events"].([]any)) != 1 || rest["more"] != false {
		t.Errorf("got %s", compact(t, rest))
	}
	if _, gap := n.Do(t, "GET", "/api/events?token=a&after=0000000001-1", ""); gap["gap"].(map[string]any)["reason"] != "unknown" {
		t.Errorf("got %s", compact(t, gap))
	}
	for _, bad := range []string{
		"/api/events", "/api/events?token=", "/api/events?token=a&token=b", "/api/events?token=a&after=x", "/api/events?token=a&limit=0",
		"/api/streams?limit=1001", "/api/streams?token=%00", "/api/streams?token=%zz",
	} {
		if status, answer := n.Do(t, "GET", bad, ""); status != 400 || answer["errors"] == nil {
			t.Errorf("%s: %d %v", bad, status, answer)
		}
	}
}

func compact(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v) // sorts the names
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Under a base path everything lies there and nowhere else, and nothing redirects
// but the page to itself.
func TestBasePath(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.BasePath = "/ws" })
	root := strings.TrimSuffix(n.URL, "/ws")
	for _, path := range []string{"/livez", "/readyz", "/api", "/api/", "/", "/app.js", "/style.css"} {
		for url, want := range map[string]int{n.URL + path: 200, root + path: 404} {
			resp, err := n.Client.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s: %d, want %d", url, resp.StatusCode, want)
			}
		}
	}
}
