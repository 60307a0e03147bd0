package node_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/content"
	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/orderedmap"

	serverconfig "notifier/internal/config"
	"notifier/internal/nodetest"
	"notifier/internal/ssetest"
)

// A spec is docs/openapi.yaml, and what judges requests and answers by it.
type spec struct {
	*v3.Document
	judge   validator.Validator
	schemas schema_validation.SchemaValidator
}

func readSpec(t *testing.T) *spec {
	t.Helper()
	text, err := os.ReadFile("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	options := []config.Option{
		config.WithFormatAssertions(),
		config.WithRejectUndeclaredRequestBody(),
		config.WithStandardBodyDecoders(),
		config.WithBodyDecoder(ndjsonType, content.TextDecoder()),
	}
	judge, errs := validator.NewValidator(doc, options...)
	if errs != nil {
		t.Fatal(errs)
	}
	return &spec{&model.Model, judge, schema_validation.NewSchemaValidator(options...)}
}

// operations are those of each path, by method.
func (s *spec) operations() map[string]map[string]*v3.Operation {
	all := map[string]map[string]*v3.Operation{}
	for path, item := range s.Paths.PathItems.FromOldest() {
		all[path] = map[string]*v3.Operation{}
		for method, op := range item.GetOperations().FromOldest() {
			all[path][strings.ToUpper(method)] = op
		}
	}
	return all
}

// check fails the test unless a JSON value has the schema.
func (s *spec) check(t *testing.T, schema *base.Schema, value []byte) {
	t.Helper()
	if ok, errs := s.schemas.ValidateSchemaBytes(schema, value); !ok {
		t.Errorf("%s\n%s", value, reasons(errs))
	}
}

// is is check for a schema by name.
func (s *spec) is(t *testing.T, name, value string) {
	t.Helper()
	s.check(t, s.Components.Schemas.GetOrZero(name).Schema(), []byte(value))
}

// isEvent checks an event's data, by the table in the description of GET /events.
func (s *spec) isEvent(t *testing.T, ev ssetest.Event) {
	t.Helper()
	switch ev.Type {
	case "notifier-gap":
		s.is(t, "Gap", ev.Data)
	case "notifier-ready":
		s.is(t, "Ready", ev.Data)
	case "notifier-close":
		s.is(t, "Close", ev.Data)
	case "notifier-ping":
		if ev.Data != "{}" {
			t.Errorf("ping with %s", ev.Data)
		}
	default:
		s.is(t, "StreamData", ev.Data)
	}
	if ev.ID != "" {
		s.is(t, "EventID", strconv.Quote(ev.ID))
	}
}

// isText checks a body of many events, or of many lines, which no schema can.
func (s *spec) isText(t *testing.T, kind, body string) {
	t.Helper()
	switch kind {
	case "text/event-stream":
		stream := ssetest.NewReader(strings.NewReader(body))
		for ev, err := stream.Next(); err == nil; ev, err = stream.Next() {
			s.isEvent(t, ev)
		}
	case "application/x-ndjson":
		for line := range strings.Lines(body) {
			if strings.Contains(line, `"about:blank"`) {
				s.is(t, "Problem", line)
			} else {
				s.is(t, "Published", line)
			}
		}
	}
}

func reasons(errs []*errors.ValidationError) string {
	var b strings.Builder
	for _, e := range errs {
		fmt.Fprintf(&b, "\t%s: %s\n", e.Message, e.Reason)
		for _, f := range e.SchemaValidationErrors {
			fmt.Fprintf(&b, "\t\t%s %s\n", f.KeywordLocation, f.Reason)
		}
	}
	return b.String()
}

func TestOpenAPIDocument(t *testing.T) {
	s := readSpec(t)
	if !strings.HasPrefix(s.Version, "3.1.") {
		t.Errorf("it is of OpenAPI %s", s.Version)
	}
	if ok, errs := s.judge.ValidateDocument(); !ok {
		t.Errorf("it is not valid:\n%s", reasons(errs))
	}
	for name, schema := range s.Components.Schemas.FromOldest() {
		for _, example := range schema.Schema().Examples {
			s.is(t, name, string(toJSON(t, example)))
		}
	}
	for _, operations := range s.operations() {
		for _, op := range operations {
			for _, response := range op.Responses.Codes.FromOldest() {
				s.checkExamples(t, response)
			}
		}
	}
}

// checkExamples holds the examples of an answer against its schema.
func (s *spec) checkExamples(t *testing.T, response *v3.Response) {
	for kind, media := range response.Content.FromOldest() {
		for _, example := range examples(media.Example, media.Examples) {
			s.check(t, media.Schema.Schema(), toJSON(t, example))
			s.isText(t, kind, example.Value)
		}
	}
}

// TestOpenAPIRoutes holds that the document and routes.go have the same paths with
// the same methods. HEAD goes without saying where there is GET, OPTIONS always.
func TestOpenAPIRoutes(t *testing.T) {
	documented := readSpec(t).operations()
	if got, want := registeredPaths(t), slices.Sorted(maps.Keys(documented)); !slices.Equal(got, want) {
		t.Errorf("the server has\n%q, documented are\n%q", got, want)
	}
	n := nodetest.Start(t)
	for path, operations := range documented {
		allow := append(slices.Collect(maps.Keys(operations)), "OPTIONS")
		if slices.Contains(allow, "GET") && !slices.Contains(allow, "HEAD") {
			allow = append(allow, "HEAD")
		}
		slices.Sort(allow)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
			resp := exchange(t, n, call{method: method, target: path})
			has := resp.StatusCode != http.StatusMethodNotAllowed && resp.StatusCode != http.StatusNotFound
			if has != slices.Contains(allow, method) {
				t.Errorf("%s %s: %s", method, path, resp.Status)
			}
			if got, want := resp.Header.Get("Allow"), strings.Join(allow, ", "); (!has || method == "OPTIONS") && got != want {
				t.Errorf("%s %s: Allow: %q, want %q", method, path, got, want)
			}
		}
	}
}

// registeredPaths are those that the method routes names. It is read, not asked:
// a router cannot tell what it routes.
func registeredPaths(t *testing.T) (paths []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "routes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == "routes" {
			for n := range ast.Preorder(f) {
				if lit, ok := n.(*ast.BasicLit); ok && strings.HasPrefix(lit.Value, `"/`) {
					paths = append(paths, strings.Trim(lit.Value, `"`))
				}
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

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
	{method: "GET", target: "/api/streams?token=1&token=2", status: 200},
	{method: "GET", target: "/api/streams?token=", status: 400, unsaid: true},
	{method: "GET", target: "/api/streams?limit=0", status: 400},
	{method: "GET", target: "/api/streams?limit=many", status: 400},
	{method: "DELETE", target: "/api/streams?token=1", status: 200, before: allStreamsOpen},
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
}

// allStreamsOpen opens as many streams of the token 1 as it may have.
func allStreamsOpen(t *testing.T, n *nodetest.Node) {
	for range serverconfig.Default().StreamsPerToken {
		n.Open(t, "token=1")
	}
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
	seen := map[string]bool{
		// Events in memory can always be taken and read.
		"POST /api 503": true, "POST /api/batch 503": true, "GET /api/events 503": true, "DELETE /api/events 503": true,
		// Only between a signal and the closing of the listener.
		"GET /readyz 503": true,
	}
	run := func(c call, exchange func(*testing.T, call) *http.Response) {
		seen[fmt.Sprint(c.method, " ", c.path(), " ", c.status)] = true
		t.Run(fmt.Sprintf("%s_%.40s_%d_%.60s", c.method, c.target, c.status, c.body), func(t *testing.T) {
			s.checkCall(t, c, exchange(t, c))
		})
	}
	for _, c := range calls {
		run(c, func(t *testing.T, c call) *http.Response {
			n := nodetest.Start(t, func(c *serverconfig.Config) { c.MaxBatch = c.MaxBody })
			if c.before != nil {
				c.before(t, n)
			}
			return exchange(t, n, c)
		})
	}
	run(call{method: "POST", target: "/api", status: 408, kind: jsonType, body: `{"tokens":["1"]}`, unsaid: true}, stalled)
	run(call{method: "POST", target: "/api/batch", status: 408, kind: ndjsonType, body: `{"tokens":["1"]}`, unsaid: true}, stalled)

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

// TestOpenAPIExamples sends every example of a request to a node. What is not
// shown by an example of its own is left out, or the first example of it.
func TestOpenAPIExamples(t *testing.T) {
	s := readSpec(t)
	for path, operations := range s.operations() {
		for method, op := range operations {
			for _, c := range exampleCalls(t, call{method: method, target: path, status: 200}, op) {
				t.Run(fmt.Sprintf("%s_%s_%q_%.60s", c.method, c.target, c.header, c.body), func(t *testing.T) {
					s.checkCall(t, c, exchange(t, nodetest.Start(t), c))
				})
			}
		}
	}
}

// exampleCalls are c with each example of a body and of a parameter.
func exampleCalls(t *testing.T, c call, op *v3.Operation) (calls []call) {
	query := url.Values{}
	if len(op.Security) > 0 {
		query.Set("token", "1")
	}
	for _, p := range op.Parameters {
		if p.Required != nil && *p.Required {
			addExample(t, &c, query, p, examples(p.Example, p.Examples)[0])
		}
	}
	path := c.target
	if len(query) > 0 {
		c.target += "?" + query.Encode()
	}
	if op.RequestBody == nil {
		calls = append(calls, c)
	} else {
		for kind, media := range op.RequestBody.Content.FromOldest() {
			for _, example := range examples(media.Example, media.Examples) {
				c.kind, c.body = kind, encodeBody(t, kind, example)
				calls = append(calls, c)
			}
		}
	}
	for _, p := range op.Parameters {
		for _, example := range examples(p.Example, p.Examples) {
			c, query := calls[0], maps.Clone(query)
			query.Del(p.Name)
			addExample(t, &c, query, p, example)
			c.target = path + "?" + query.Encode()
			calls = append(calls, c)
		}
	}
	return calls
}

func addExample(t *testing.T, c *call, query url.Values, p *v3.Parameter, example *yaml.Node) {
	t.Helper()
	switch p.In {
	case "query":
		query[p.Name] = texts(example)
	case "header":
		c.header = append(slices.Clone(c.header), p.Name, example.Value)
	default:
		t.Errorf("%s is in a %s", p.Name, p.In)
	}
}

// encodeBody is an example as it is sent.
func encodeBody(t *testing.T, kind string, example *yaml.Node) string {
	t.Helper()
	switch kind {
	case jsonType:
		return string(toJSON(t, example))
	case formType:
		form := url.Values{}
		for i := 0; i < len(example.Content); i += 2 {
			form[example.Content[i].Value] = texts(example.Content[i+1])
		}
		return form.Encode()
	}
	return example.Value
}

// texts are the values of a parameter: the items of a list, or the one value.
func texts(n *yaml.Node) (values []string) {
	if n.Kind != yaml.SequenceNode {
		return []string{n.Value}
	}
	for _, item := range n.Content {
		values = append(values, item.Value)
	}
	return values
}

// examples are those of a parameter or a body, be there one or several.
func examples(one *yaml.Node, several *orderedmap.Map[string, *base.Example]) (all []*yaml.Node) {
	if one != nil {
		all = append(all, one)
	}
	for e := range several.ValuesFromOldest() {
		all = append(all, e.Value)
	}
	return all
}

// TestOpenAPIStream holds a whole stream against the document: the server's own
// events and published ones.
func TestOpenAPIStream(t *testing.T) {
	s := readSpec(t)
	n := nodetest.Start(t)
	_, answer := n.Post(t, "/api", `{"tokens":["1"]}`)
	stream := n.Open(t, "token=1&control=1&lastEventId=garbage", "Last-Event-ID", "0123456789-1")
	n.Post(t, "/api", `{"tokens":["1"],"event":"like","data":{"by":"arya"}}`)
	for _, want := range []string{"notifier-ready", "notifier-gap", "message", "like"} {
		s.next(t, stream, want)
	}
	n.Do(t, http.MethodDelete, "/api/streams?token=1", "")
	s.next(t, stream, "notifier-close")
	if ev, err := stream.Next(); err != io.EOF {
		t.Errorf("after the end: %v %v", ev, err)
	}
	s.is(t, "EventID", strconv.Quote(answer["id"].(string)))
}

func (s *spec) next(t *testing.T, stream *nodetest.Stream, want string) {
	t.Helper()
	ev, err := stream.Next()
	if err != nil || ev.Type != want {
		t.Fatalf("%v %v, want %s", ev, err, want)
	}
	s.isEvent(t, ev)
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

func toJSON(t *testing.T, n *yaml.Node) []byte {
	t.Helper()
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// canonical is JSON with its keys sorted.
func canonical(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(sorted)
}
