package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A backend knows whose a session is, and can be in a bad way.
type backend struct {
	url   string
	mood  atomic.Pointer[func(http.ResponseWriter, *http.Request) bool] // true: it has answered
	calls atomic.Int64
}

func startBackend(t *testing.T, answer func(*http.Request) string) *backend {
	l := &backend{}
	l.feel(well)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.calls.Add(1)
		if !(*l.mood.Load())(w, r) {
			fmt.Fprint(w, answer(r))
		}
	}))
	t.Cleanup(s.Close)
	l.url = s.URL + "/whose"
	return l
}

func (l *backend) feel(mood func(http.ResponseWriter, *http.Request) bool) { l.mood.Store(&mood) }

func well(http.ResponseWriter, *http.Request) bool { return false }

func down(w http.ResponseWriter, _ *http.Request) bool {
	w.WriteHeader(http.StatusBadGateway)
	return true
}

// slow answers when nobody waits any more.
func slow(_ http.ResponseWriter, r *http.Request) bool {
	select {
	case <-r.Context().Done():
	case <-time.After(patience):
	}
	return true
}

func loggedOut(w http.ResponseWriter, _ *http.Request) bool {
	w.WriteHeader(http.StatusUnauthorized)
	return true
}

// flapping is well every third time.
func flapping() func(http.ResponseWriter, *http.Request) bool {
	var asked atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) bool {
		return asked.Add(1)%3 != 0 && down(w, r)
	}
}

// TestIntrospection has a page with a session's cookie, and a backend that is asked
// whose it is. Whatever happens to the backend, the page comes back when it is well,
// and has missed nothing; only a log-out ends its EventSource.
func TestIntrospection(t *testing.T) {
	l := startBackend(t, func(r *http.Request) string {
		c, err := r.Cookie("session")
		if err != nil || c.Value != "arya" || r.Header.Get("User-Agent") != "Go-http-client/1.1" {
			return `{"active": false}`
		}
		return `{"active": true, "sub": "user-1", "tokens": ["everybody"]}`
	})
	s := serve(t, freeAddr(t), "memory", "--auth", "introspect", "--insecure-open", "--introspect-url", l.url, "--introspect-forward", "Cookie",
		"--introspect-timeout", "300ms", "--introspect-cache", "0s")
	defer s.stop(t)
	tb := startBrowser(t).open(s.url + "/livez")
	tb.do(chromedp.Evaluate[chromedp.Void]("document.cookie = 'session=arya'"))
	tb.hear("/events", "{}")
	var want []heard
	publish := func(token string) {
		t.Helper()
		h, _ := send(t, s.url, publication{Tokens: []string{token}, Data: len(want)})
		want = append(want, h)
	}
	publish("user-1")
	publish("everybody")
	tb.has(want)

	for name, mood := range map[string]func(http.ResponseWriter, *http.Request) bool{"down": down, "slow": slow, "flapping": flapping()} {
		l.feel(mood)
		before := l.calls.Load()
		if cut(t, s.url, "user-1") != 1 {
			t.Errorf("%s: the page had no stream", name)
		}
		eventually(t, "the backend was asked", func() bool { return l.calls.Load() > before+1 })
		publish("user-1")
		if name != "flapping" { // it must do without getting well
			l.feel(well)
		}
		publish("everybody")
		tb.has(want)
		if calls := l.calls.Load() - before; calls > 20 {
			t.Errorf("%s: one page made %d calls", name, calls)
		}
	}

	l.feel(loggedOut)
	cut(t, s.url, "user-1")
	tb.until("source.readyState === EventSource.CLOSED")
}

// TestIntrospectionOfTokens has curl with bearer tokens, and a backend that is asked
// as RFC 7662 says.
func TestIntrospectionOfTokens(t *testing.T) {
	l := startBackend(t, func(r *http.Request) string {
		if r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer ours" || r.PostFormValue("token") != "s3cret" {
			return `{"active": false}`
		}
		return fmt.Sprintf(`{"active": true, "sub": "1", "exp": %d}`, time.Now().Add(3*time.Second).Unix())
	})
	s := serve(t, freeAddr(t), "memory", "--auth", "introspect", "--insecure-open", "--introspect-url", l.url, "--introspect-secret", "ours", "--log-level", "debug")
	curl := start(t, program(t, "curl"), "-sSN", "-H", "Authorization: Bearer s3cret", s.url+"/events?control=1")
	eventually(t, "curl has a stream", func() bool { return openStreams(t, s.url, "1") == 1 })
	publish(t, s.url, publication{Tokens: []string{"1"}, Data: "heard"})
	<-curl.exited // when its credential expires
	if out := curl.out.String(); !strings.Contains(out, `"heard"`) || !strings.Contains(out, `{"reason":"expired"}`) {
		t.Errorf("curl has received %q", out)
	}
	for target, want := range map[string]int{"/events?token=guess": 401, "/events": 401, "/events?token=a&stream=b": 400} {
		if status := head(t, s.url+target); status != want {
			t.Errorf("%s: %d, want %d", target, status, want)
		}
	}
	s.stop(t)
	for _, secret := range []string{"s3cret", "ours", "guess"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}
