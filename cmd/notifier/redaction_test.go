package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestRedaction has a server see secrets in every place that one can be put, with
// everything logged that can be, and looks for them in all that it says to others
// than their owner: its log, refusals, metrics and profiles.
func TestRedaction(t *testing.T) {
	const secret = "s3cret"
	for name, args := range map[string][]string{
		"open": {"--access-log=all", "--connect-rate=1", "--streams-per-token=1", "--token-rate=1"},
		"jwt":  {"--access-log=all", "--auth=jwt", "--jwt-key=s3cret-s3cret-s3cret-s3cret-s3cret", "--jwt-publish", "--ticket-key=s3cret-s3cret-s3cret-s3cret-s3cret"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := program(t, nil, "notifier", append(args, "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--log-level=debug", "--drain=0s", "--data=memory")...)
			var log record
			cmd.Stderr = &log
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			url, admin := log.addresses(t)
			said := provoke(t, url)
			for _, path := range []string{"/metrics", "/debug/pprof/goroutine?debug=2", "/debug/pprof/cmdline"} {
				said += get(t, http.MethodGet, admin+path, "", nil)
			}
			sendSignal(t, cmd, syscall.SIGTERM)
			if code := exitCode(t, cmd.Wait()); code != 0 {
				t.Errorf("code %d", code)
			}
			said += log.String()
			if !strings.Contains(said, "status=40") || !strings.Contains(said, "notifier_") {
				t.Errorf("the test sees nothing: %s", said)
			}
			if found := regexp.MustCompile(`(?i).*`+secret+`.*`).FindAllString(said, 5); found != nil {
				t.Errorf("said to others: %q", found)
			}
		})
	}
}

// provoke puts secrets everywhere, and returns the refusals and what else is not the
// answer to a publisher that named them itself.
func provoke(t *testing.T, url string) (said string) {
	t.Helper()
	jwt := "eyJhbGciOiJIUzI1NiJ9.s3cret.s3cret"
	for _, query := range []string{"token=s3cret", "token=s3cret&token=s3cret2", "ticket=s3cret", "token=s3cret&ticket=s3cret", "token=" + jwt,
		"token=s3cret&lastEventId=s3cret&since=s3cret", "token=s3cret&control=s3cret", "tokenId=s3cret%0A", "stream=s3cret&%zz", "token=s3cret&token=s3cret"} {
		for _, header := range []map[string]string{nil, {"Authorization": "Bearer s3cret"}, {"Authorization": "Bearer " + jwt}, {"Authorization": "Basic s3cret"},
			{"Cookie": "notifier_token=s3cret"}, {"Cookie": "notifier_token=" + jwt}, {"Last-Event-ID": "s3cret"}, {"X-API-Key": "s3cret"},
			{"X-Forwarded-For": "s3cret"}, {"Origin": "https://s3cret.example"}, {"Host": "s3cret"}} {
			said += get(t, http.MethodGet, url+"/events?"+query, "", header)
		}
	}
	for _, path := range []string{"/s3cret", "/events/s3cret", "/api/s3cret?token=s3cret", "/api/streams?token=s3cret&limit=s3cret", "/api/events?token=s3cret&after=s3cret", "/api/deny?token=s3cret&jwt=s3cret"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, "S3CRET"} {
			if answer := get(t, method, url+path, "", nil); !strings.HasPrefix(answer, "200") {
				said += answer
			}
		}
	}
	for _, body := range []string{`{"tokens":["s3cret"],"data":"s3cret","id":"s3cret"}`, `{"tokens":["s3cret"],"data":1,"id":"s3cret"}`, `{"tokens":["s3cret\n"]}`,
		`{"tokens":["s3cret"],"ttl":"s3cret","event":"notifier-s3cret"}`, `{"tokens":["s3cret"`, `{"token":"s3cret","ttl":"s3cret"}`, `{"token":"s3cret","jwt":"s3cret","until":"s3cret"}`} {
		for _, path := range []string{"/api", "/api/batch", "/api/tickets", "/api/deny"} {
			answer := get(t, http.MethodPost, url+path, body, map[string]string{"Authorization": "Bearer s3cret", "Content-Type": "application/json", "Idempotency-Key": "s3cret"})
			if strings.Contains(answer, `"status":`) {
				said += answer
			}
		}
	}
	return said
}

// get sends a request and returns the head of the answer and what follows at once.
func get(t *testing.T, method, url, body string, header map[string]string) string {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return "" // a client cannot send it
	}
	for name, value := range header {
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		io.Copy(&b, resp.Body)
	}
	return fmt.Sprintln(resp.Status, resp.Header, b.String())
}

// A record is what a process says; it may be read meanwhile.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

var listening = regexp.MustCompile(`notifier is listening.* url=(\S+) admin=(\S+)`)

// addresses waits until the server says where it listens.
func (r *record) addresses(t *testing.T) (url, admin string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if found := listening.FindStringSubmatch(r.String()); found != nil {
			return found[1], found[2]
		}
	}
	t.Fatalf("not ready: %s", r)
	return
}
