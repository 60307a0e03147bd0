package node_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/pb33f/libopenapi/datamodel/high/base"

	"notifier/auth"
	serverconfig "notifier/internal/config"
	"notifier/internal/node"
	"notifier/internal/nodetest"
	"notifier/journal"
)

// A call is one request and the status it must be answered with.
type call struct {
	method, target string
	status         int
	kind, body     string   // of the body; kind is the Content-Type
	header         []string // names and values
	// unsaid: the request is refused for something that the document cannot say of
	// a single request. Otherwise it must not allow what is refused.
	unsaid bool
	// before is what must have happened.
	before func(*testing.T, *nodetest.Node)
}

func (c call) path() string {
	path, _, _ := strings.Cut(c.target, "?")
	return path
}

const (
	jsonType   = "application/json"
	formType   = "application/x-www-form-urlencoded"
	ndjsonType = "application/x-ndjson"
)

// post is a call of POST /api.
func post(status int, body string) call {
	return call{method: "POST", target: "/api", status: status, kind: jsonType, body: body}
}

var calls = []call{
	{method: "GET", target: "/livez", status: 200},
	{method: "GET", target: "/readyz", status: 200},
	{method: "GET", target: "/readyz", status: 503, unsaid: true, before: full},
	{method: "GET", target: "/api", status: 200},
	{method: "GET", target: "/api/", status: 200},

	{method: "GET", target: "/events?token=1", status: 200},
	{method: "GET", target: "/events?tokenId=1&control=0", status: 200},
	{method: "GET", target: "/events?stream=1&control=1", status: 200},
	{method: "GET", target: "/events", status: 200, header: []string{"Authorization", "Bearer 1"}},
	{method: "GET", target: "/events", status: 200, header: []string{"Cookie", "notifier_token=1"}},
	{method: "GET", target: "/events?token=1&since=10m", status: 200},
	{method: "GET", target: "/events?token=1&since=1h30m", status: 200},
	{method: "GET", target: "/events?token=1&since=0.5", status: 200},
	{method: "GET", target: "/events?token=1&since=2026-01-01T00:00:00%2B02:00", status: 200},
	{method: "GET", target: "/events?token=1&lastEventId=garbage", status: 200},
	{method: "GET", target: "/events", status: 401},
	{method: "GET", target: "/events?token=1&control=yes", status: 400},
	{method: "GET", target: "/events?token=1&since=yesterday", status: 400},
	{method: "GET", target: "/events?token=1&since=-5m", status: 400},
	{method: "GET", target: "/events?token=1&tokenId=2", status: 400, unsaid: true},
	{method: "GET", target: "/events?token=" + strings.Repeat("x", 257), status: 400, unsaid: true},
	{method: "GET", target: "/events?token=1", status: 429, unsaid: true, before: allStreamsOpen},
	{method: "HEAD", target: "/events?token=1", status: 200},
	{method: "HEAD", target: "/events?token=1&since=yesterday", status: 400},
	{method: "HEAD", target: "/events", status: 401},
	{method: "HEAD", target: "/events?token=1", status: 429, unsaid: true, before: allStreamsOpen},

	post(200, `{"tokens":["1"]}`),
	post(200, `{"tokens":["1"],"all":false,"entityType":"e","data":[1.50,null],"event":"n","id":"k","ttl":"1h30m"}`),
	post(200, `{"tokens":["1"],"ttl":0.5}`),
	post(200, `{"all":true}`),
	post(400, ``),
	post(400, `[]`),
	post(400, `{"tokens":["1"]`),
	post(400, `{}`),
	post(400, `{"tokens":"1"}`),
	post(400, `{"tokens":[]}`),
	post(400, `{"tokens":[1]}`),
	post(400, `{"tokens":[""]}`),
	post(400, `{"tokens":["a\u0000"]}`),
	post(400, `{"tokens":["`+strings.Repeat("x", 257)+`"]}`),
	post(400, `{"tokens":["1"],"all":true}`),
	post(400, `{"all":false}`),
	post(400, `{"all":"true"}`),
	post(400, `{"tokens":["1"],"entityType":1}`),
	post(400, `{"tokens":["1"],"entityType":"`+strings.Repeat("x", 129)+`"}`),
	post(400, `{"tokens":["1"],"event":"notifier-x"}`),
	post(400, `{"tokens":["1"],"event":"a\nb"}`),
	post(400, `{"tokens":["1"],"event":"`+strings.Repeat("x", 129)+`"}`),
	post(400, `{"tokens":["1"],"id":""}`),
	post(400, `{"tokens":["1"],"id":7}`),
	post(400, `{"tokens":["1"],"ttl":-1}`),
	post(400, `{"tokens":["1"],"ttl":"soon"}`),
	post(400, `{"tokens":["1"],"ttl":null}`),
	post(400, `{"tokens":["1"],"token":"1"}`),
	{method: "POST", target: "/api", status: 400, unsaid: true, kind: jsonType, body: `{"tokens":["1"],"tokens":["2"]}`},
	{method: "POST", target: "/api", status: 400, unsaid: true, kind: jsonType, body: `{"tokens":["1"],"ttl":"25h"}`},
	{method: "POST", target: "/api?results=some", status: 400, kind: jsonType, body: `{"tokens":["1"]}`},
	{method: "POST", target: "/api?results=all", status: 200, kind: jsonType, body: `{"tokens":["1"]}`},
	{method: "POST", target: "/api", status: 400, unsaid: true, kind: jsonType, body: `{"tokens":["1"],"id":"k"}`, header: []string{"Idempotency-Key", "other"}},
	{method: "POST", target: "/api", status: 409, unsaid: true, kind: jsonType, body: `{"tokens":["1"],"id":"k"}`, before: published(`{"tokens":["2"],"id":"k"}`)},
	{method: "POST", target: "/api", status: 413, unsaid: true, kind: jsonType, body: `{"tokens":["1"],"data":"` + strings.Repeat("x", 1<<20) + `"}`},
	{method: "POST", target: "/api", status: 415, kind: "text/plain", body: `{"tokens":["1"]}`},
	{method: "POST", target: "/api", status: 415, unsaid: true, kind: jsonType, body: `{"tokens":["1"]}`, header: []string{"Content-Encoding", "br"}},
	{method: "POST", target: "/api", status: 200, kind: formType, body: "tokens=1&tokens=2&all=false&entityType=e&data=d&event=n&id=k&ttl=90s"},
	{method: "POST", target: "/api/", status: 200, kind: formType, body: "tokens=1&tokens=2"},
	{method: "POST", target: "/api", status: 400, kind: formType, body: "tokens=1&color=red"},
	{method: "POST", target: "/api", status: 400, kind: formType, body: "tokens=1&all=yes"},

	{method: "POST", target: "/api/batch", status: 200, kind: ndjsonType, body: `{"tokens":["1"]}` + "\n{}\n"},
	{method: "POST", target: "/api/batch", status: 400, unsaid: true, kind: ndjsonType, body: "\n"},
	{method: "POST", target: "/api/batch", status: 413, unsaid: true, kind: ndjsonType, body: strings.Repeat("\n", 1<<20+1)},
	{method: "POST", target: "/api/batch", status: 415, kind: jsonType, body: `{"tokens":["1"]}`},

	{method: "GET", target: "/api/streams", status: 200, before: allStreamsOpen},
	{method: "GET", target: "/api/streams?limit=1&after=0", status: 200, before: allStreamsOpen},
	{method: "GET", target: "/api/streams?prefix=1", status: 200, before: allStreamsOpen},
	{method: "GET", target: "/api/streams?token=1&token=2", status: 200},
	{method: "GET", target: "/api/streams?token=1&details=1", status: 200, before: allStreamsOpen},
	{method: "GET", target: "/api/streams?token=2&details=1&limit=1", status: 200},
	{method: "GET", target: "/api/streams?token=1&details=yes", status: 400},
	{method: "GET", target: "/api/streams?token=1&token=2&details=1", status: 400, unsaid: true},
	{method: "GET", target: "/api/streams?token=1&prefix=1", status: 400, unsaid: true},
	{method: "GET", target: "/api/streams?token=", status: 400, unsaid: true},
	{method: "GET", target: "/api/streams?limit=0", status: 400},
	{method: "GET", target: "/api/streams?limit=many", status: 400},
	{method: "DELETE", target: "/api/streams?token=1", status: 200, before: allStreamsOpen},
	{method: "DELETE", target: "/api/streams?token=1&stream=1c", status: 200, before: allStreamsOpen},
	{method: "DELETE", target: "/api/streams?token=1&stream=", status: 400},
	{method: "DELETE", target: "/api/streams?token=1&stream=1&stream=2", status: 400, unsaid: true},
	{method: "DELETE", target: "/api/streams", status: 400},

	{method: "GET", target: "/api/events?token=1", status: 200, before: published(`{"tokens":["1"],"event":"n"}`)},
	{method: "GET", target: "/api/events?token=1&limit=1", status: 200, before: published(`{"all":true}`, `{"all":true}`)},
	{method: "GET", target: "/api/events?token=1&after=0123456789-1", status: 200, before: published(`{"tokens":["1"]}`)},
	{method: "GET", target: "/api/events", status: 400},
	{method: "GET", target: "/api/events?token=1&limit=1001", status: 400},
	{method: "GET", target: "/api/events?token=1&after=%21", status: 400},
	{method: "GET", target: "/api/events?token=1&after=garbage", status: 400, unsaid: true},
	{method: "DELETE", target: "/api/events?token=1", status: 200, before: published(`{"tokens":["1"]}`)},
	{method: "DELETE", target: "/api/events", status: 400},

	control("/api/tickets", 200, `{"token":"1","ttl":"30s"}`),
	control("/api/tickets", 200, `{"token":"1","ttl":1.5}`),
	control("/api/tickets", 200, `{"token":"1"}`),
	control("/api/tickets", 400, ``),
	control("/api/tickets", 400, `[]`),
	control("/api/tickets", 400, `{}`),
	control("/api/tickets", 400, `{"token":1}`),
	control("/api/tickets", 400, `{"token":"a\n"}`),
	control("/api/tickets", 400, `{"token":"1","ttl":"soon"}`),
	control("/api/tickets", 400, `{"token":"1","ttl":0.5}`),
	control("/api/tickets", 400, `{"token":"1","ttl":null}`),
	control("/api/tickets", 400, `{"token":"1","user":"arya"}`),
	{method: "POST", target: "/api/tickets", status: 400, unsaid: true, kind: jsonType, body: `{"token":"1","token":"2"}`},
	{method: "POST", target: "/api/tickets", status: 400, unsaid: true, kind: jsonType, body: `{"token":"1","ttl":"61s"}`},
	{method: "POST", target: "/api/tickets", status: 413, kind: jsonType, body: `{"token":"` + strings.Repeat("x", 8<<10) + `"}`},
	{method: "POST", target: "/api/tickets", status: 415, kind: formType, body: `token=1`},

	control("/api/deny", 200, `{"token":"1","until":"24h"}`),
	control("/api/deny", 200, `{"jwt":"b7f0","until":"2100-01-01T00:00:00+02:00"}`),
	control("/api/deny", 400, `{"token":"1"}`),
	control("/api/deny", 400, `{"until":"24h"}`),
	control("/api/deny", 400, `{"token":"1","jwt":"1","until":"24h"}`),
	control("/api/deny", 400, `{"token":"1","until":"tomorrow"}`),
	control("/api/deny", 400, `{"token":"1","until":1}`),
	control("/api/deny", 400, `{"token":"1","until":"-1h"}`),
	control("/api/deny", 400, `{"jwt":"","until":"24h"}`),
	{method: "POST", target: "/api/deny", status: 400, unsaid: true, kind: jsonType, body: `{"token":"1","until":"2001-01-01T00:00:00Z"}`},
	{method: "POST", target: "/api/deny", status: 413, kind: jsonType, body: `{"token":"` + strings.Repeat("x", 8<<10) + `"}`},
	{method: "POST", target: "/api/deny", status: 415, kind: formType, body: `token=1`},
	{method: "GET", target: "/api/deny", status: 200, before: denied(`{"token":"1","until":"24h"}`, `{"jwt":"b7f0","until":"24h"}`)},
	{method: "GET", target: "/api/deny?limit=1&after=jwt:a", status: 200, before: denied(`{"token":"1","until":"24h"}`, `{"jwt":"b7f0","until":"24h"}`)},
	{method: "GET", target: "/api/deny?limit=0", status: 400},
	{method: "GET", target: "/api/deny?after=1", status: 400},
	{method: "DELETE", target: "/api/deny?token=1", status: 200, before: denied(`{"token":"1","until":"24h"}`)},
	{method: "DELETE", target: "/api/deny?jwt=b7f0", status: 200},
	{method: "DELETE", target: "/api/deny", status: 400, unsaid: true},
	{method: "DELETE", target: "/api/deny?token=1&jwt=1", status: 400, unsaid: true},
	{method: "GET", target: "/events?token=1", status: 403, unsaid: true, before: denied(`{"token":"1","until":"24h"}`)},
	{method: "HEAD", target: "/events?token=1", status: 403, unsaid: true, before: denied(`{"token":"1","until":"24h"}`)},
	{method: "GET", target: "/events?ticket=1", status: 401, unsaid: true},
}

// control is a call with a body of JSON.
func control(target string, status int, body string) call {
	return call{method: "POST", target: target, status: status, kind: jsonType, body: body}
}

// denied denies first.
func denied(bodies ...string) func(*testing.T, *nodetest.Node) {
	return func(t *testing.T, n *nodetest.Node) {
		for _, body := range bodies {
			if status, answer := n.Post(t, "/api/deny", body); status != http.StatusOK {
				t.Fatal(answer)
			}
		}
	}
}

// allStreamsOpen opens as many streams of the token 1 as it may have.
func allStreamsOpen(t *testing.T, n *nodetest.Node) {
	for range serverconfig.Default().StreamsPerToken {
		n.Open(t, "token=1")
	}
}

// full opens as many streams as there may be.
func full(t *testing.T, n *nodetest.Node) {
	allStreamsOpen(t, n)
	n.Open(t, "token=2")
}

// published publishes the bodies first.
func published(bodies ...string) func(*testing.T, *nodetest.Node) {
	return func(t *testing.T, n *nodetest.Node) {
		for _, body := range bodies {
			if status, answer := n.Post(t, "/api", body); status != http.StatusOK {
				t.Fatal(answer)
			}
		}
	}
}

// TestOpenAPICalls holds real answers against the document, and the document
// against what the server thinks of requests. Every documented status must occur.
func TestOpenAPICalls(t *testing.T) {
	s := readSpec(t)
	seen := map[string]bool{}
	run := func(c call, exchange func(*testing.T, call) *http.Response) {
		seen[fmt.Sprint(c.method, " ", c.path(), " ", c.status)] = true
		t.Run(fmt.Sprintf("%s_%.40s_%d_%.60s", c.method, c.target, c.status, c.body), func(t *testing.T) {
			s.checkCall(t, c, exchange(t, c))
		})
	}
	for _, c := range calls {
		run(c, func(t *testing.T, c call) *http.Response {
			n := nodetest.Start(t, func(c *serverconfig.Config) {
				c.MaxBatch = c.MaxBody
				c.MaxStreams = c.StreamsPerToken + 1
			})
			if c.before != nil {
				c.before(t, n)
			}
			return exchange(t, n, c)
		})
	}
	for _, c := range calls {
		if c.status != http.StatusOK {
			continue
		}
		c.unsaid = true
		if c.method == "POST" {
			c.status = http.StatusRequestTimeout
			run(c, stalled)
		}
		if needsDisk(c) {
			c.status = http.StatusServiceUnavailable
			run(c, unavailable)
		}
	}
	for _, c := range calls {
		if c.status != http.StatusOK || !s.isForPublishers(c) {
			continue
		}
		c.unsaid = true
		c.status = http.StatusUnauthorized
		run(c, func(t *testing.T, c call) *http.Response { return withKeys(t, c, "") })
		c.status = http.StatusForbidden
		run(c, func(t *testing.T, c call) *http.Response { return withKeys(t, c, otherRights(c)) })
	}
	for path, operations := range s.operations() {
		for method, op := range operations {
			for status := range op.Responses.Codes.KeysFromOldest() {
				if key := fmt.Sprint(method, " ", path, " ", status); !seen[key] && path != "/api/" {
					t.Errorf("never seen: %s", key)
				}
			}
		}
	}
}

// checkCall judges a call and its answer.
func (s *spec) checkCall(t *testing.T, c call, resp *http.Response) {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if resp.StatusCode != c.status {
		t.Errorf("%s, want %d: %s", resp.Status, c.status, body)
	}

	req := c.request(t, "http://127.0.0.1:4001")
	allowed, errs := s.judge.ValidateHttpRequestSync(req)
	switch {
	case c.status == http.StatusOK && !allowed:
		t.Errorf("the document does not allow the request:\n%s", reasons(errs))
	case c.status != http.StatusOK && allowed != c.unsaid:
		t.Errorf("the document allows the request: %t, want %t\n%s", allowed, c.unsaid, reasons(errs))
	}
	if ok, errs := s.judge.ValidateHttpResponse(req, resp); !ok {
		t.Errorf("the answer is not as documented: %s\n%s", body, reasons(errs))
	}
	s.isText(t, resp.Header.Get("Content-Type"), string(body))
	s.checkProblem(t, c, body)
}

// checkProblem holds a problem that is always the same against its example.
func (s *spec) checkProblem(t *testing.T, c call, body []byte) {
	response := s.operations()[c.path()][c.method].Responses.Codes.GetOrZero(strconv.Itoa(c.status))
	if response == nil {
		t.Errorf("status %d is not documented", c.status)
		return
	}
	for kind, media := range response.Content.FromOldest() {
		if kind != "application/problem+json" || c.status == http.StatusBadRequest {
			continue
		}
		var documented []string
		for _, example := range examples(media.Example, media.Examples) {
			documented = append(documented, canonical(t, toJSON(t, example)))
		}
		if !slices.Contains(documented, canonical(t, body)) {
			t.Errorf("answer\n%s, documented\n%s", body, documented)
		}
	}
}

// request is the call to a server at base.
func (c call) request(t *testing.T, base string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(c.method, base+c.target, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	if c.kind != "" {
		req.Header.Set("Content-Type", c.kind)
	}
	for i := 0; i < len(c.header); i += 2 {
		req.Header.Set(c.header[i], c.header[i+1])
	}
	return req
}

// exchange sends a call. Of a stream it reads the first bytes.
func exchange(t *testing.T, n *nodetest.Node, c call) *http.Response {
	t.Helper()
	// One that keeps connections: over another, net/http may cut off the sender of
	// a body that is too large before it has read why.
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(c.request(t, n.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body []byte
	if resp.Header.Get("Content-Type") == "text/event-stream" {
		in := bufio.NewReader(resp.Body)
		for range 2 { // retry, and a comment
			line, _ := in.ReadBytes('\n')
			body = append(body, line...)
		}
	} else if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp
}

// stalled sends a call without the end of its body.
func stalled(t *testing.T, c call) (resp *http.Response) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t)
		req := c.request(t, n.URL)
		rest, body := io.Pipe()
		defer body.Close()
		req.Body, req.ContentLength = rest, -1
		go io.WriteString(body, c.body)
		var err error
		if resp, err = n.Client.Do(req); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(answer))
	})
	return resp
}

// isForPublishers reports whether the document asks for a publisher's key.
func (s *spec) isForPublishers(c call) bool {
	op := s.operations()[c.path()][c.method]
	return op != nil && slices.ContainsFunc(op.Security, func(r *base.SecurityRequirement) bool {
		_, ok := r.Requirements.Get("key")
		return ok
	})
}

// otherRights are all rights but the one that a call takes.
func otherRights(c call) string {
	switch c.path() {
	case "/api", "/api/", "/api/batch":
		return "[control, tickets]"
	case "/api/tickets":
		return "[publish, control]"
	}
	return "[publish, tickets]"
}

// withKeys sends a call to a node that asks for keys, with one that has the rights,
// or without any.
func withKeys(t *testing.T, c call, rights string) *http.Response {
	key, hash := auth.NewAPIKey()
	file := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(file, []byte("- {name: a, hash: "+hash+", rights: "+cmp.Or(rights, "[publish]")+"}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if rights != "" {
		c.header = append(slices.Clone(c.header), "X-API-Key", key)
	}
	return exchange(t, nodetest.Start(t, func(c *serverconfig.Config) { c.APIKeys = file }), c)
}

// needsDisk reports whether a call is answered with what is, or was, written.
func needsDisk(c call) bool {
	switch c.path() {
	case "/api", "/api/", "/api/batch":
		return c.method == "POST"
	case "/api/events":
		return true
	case "/api/deny":
		return c.method == "POST" || c.method == "DELETE" && c.before != nil
	}
	return false
}

// unavailable sends a call to a node whose journal is closed and whose directory is
// gone.
func unavailable(t *testing.T, c call) *http.Response {
	main, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	events := journal.Memory(journal.Options{})
	cfg := serverconfig.Default()
	cfg.Data = t.TempDir()
	n := &nodetest.Node{URL: "http://" + main.Addr().String(), Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	if n.Node, err = node.NewOn(main, nil, events, cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { n.Run(ctx) })
	defer running.Wait()
	defer stop()
	if c.before != nil {
		c.before(t, n)
	}
	if err := errors.Join(events.Close(), os.RemoveAll(cfg.Data)); err != nil {
		t.Fatal(err)
	}
	return exchange(t, n, c)
}
