package node_test

import (
	"net/http/httptest"
	"reflect"
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
