package node_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// TestRequestsStayAsTheyAre: requests on a connection that is kept share their header
// and URL, so whoever handles one must leave both as they are.
func TestRequestsStayAsTheyAre(t *testing.T) {
	collector := httptest.NewServer(nil)
	defer collector.Close()
	file, keys := keyFile(t, "name: all, rights: [publish, control, tickets]")
	closed := nodetest.Start(t, func(c *config.Config) { c.APIKeys, c.OTLPURL = file, collector.URL })
	open := nodetest.Start(t, func(c *config.Config) { c.BasePath = "/base" })
	answered := map[*nodetest.Node]int{}
	for _, path := range []string{"/api", "/api/", "/api/batch", "/api?results=all", "/api/deny", "/api/tickets", "/none", "/base/api", "/%61pi"} {
		for _, kind := range []string{"application/json; charset=utf-8", "application/x-www-form-urlencoded", "application/x-ndjson", "text/plain"} {
			for _, n := range []*nodetest.Node{closed, open} {
				r := httptest.NewRequest("POST", "http://localhost"+path, strings.NewReader(`{"tokens":["1"]}`))
				for name, value := range map[string]string{
					"Content-Type": kind, "X-API-Key": keys[0], "Origin": "http://localhost:3000", "Idempotency-Key": `"a"`,
					"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
				} {
					r.Header.Set(name, value)
				}
				header, url := r.Header.Clone(), *r.URL
				answer := httptest.NewRecorder()
				n.Routes().ServeHTTP(answer, r)
				if answer.Code == 200 {
					answered[n]++
				}
				if !reflect.DeepEqual(r.Header, header) || !reflect.DeepEqual(*r.URL, url) {
					t.Errorf("%s of %s: %v %v, was %v %v", path, kind, r.URL, r.Header, &url, header)
				}
			}
		}
	}
	if answered[closed] == 0 || answered[open] == 0 {
		t.Errorf("no request was a good one: %v", answered)
	}
}

// TestKeptConnection: on a connection that is kept, what depends on the head of a
// request alone is decided once. A client cannot tell.
func TestKeptConnection(t *testing.T) {
	file, keys := keyFile(t, "name: all, rights: [publish, control, tickets]")
	closed := nodetest.Start(t, func(c *config.Config) { c.APIKeys, c.AllowOrigin = file, []string{"https://a.example"} })
	open := nodetest.Start(t, func(c *config.Config) { c.BasePath = "/base" })
	statuses := map[int]int{}
	for _, n := range []*nodetest.Node{closed, open} {
		for _, path := range []string{"/api", "/base/api", "/base/api/batch", "/base/api/tickets", "/base/none", "/base/events"} {
			for _, field := range []string{"X-Note: 1", "X-API-Key: " + keys[0], "X-API-Key: none", "Origin: https://a.example", "Origin: http://localhost:3000", "Via: a proxy", "Sec-Fetch-Site: cross-site"} {
				for _, host := range []string{"localhost", "a.example"} {
					answers := askAgain(t, n.Addr(), "POST "+path+" HTTP/1.1\r\nHost: "+host+"\r\n"+field+"\r\n")
					if answers[0].String() != answers[1].String() {
						t.Errorf("%s of %s with %s: %s; before it was %s", path, host, field, answers[1], answers[0])
					}
					statuses[answers[1].status]++
				}
			}
		}
	}
	for _, status := range []int{200, 401, 403, 404, 405, 415} {
		if statuses[status] == 0 {
			t.Errorf("no answer was a %d: %v", status, statuses)
		}
	}
}

// An answer is what a client has got, but for what each has of its own.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprint(a.status, a.header, a.body) }

var ownID = regexp.MustCompile(`"id":"[^"]*"`)

// askAgain sends a request several times on one connection, and returns the first
// answer and the last, which come from different places.
func askAgain(t *testing.T, addr, head string) (answers [2]answer) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i := range 4 {
		body := `{"tokens":["1"]}`
		fmt.Fprintf(conn, "%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Header.Del("Date")
		resp.Header.Del("Content-Length") // ids grow
		answers[min(i, 1)] = answer{resp.StatusCode, resp.Header, ownID.ReplaceAllString(string(text), "")}
	}
	return answers
}
