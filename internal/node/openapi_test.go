package node_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/content"
	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

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

// registeredPaths are those that the methods of the main listener's routes name. They
// are read, not asked: a router cannot tell what it routes.
func registeredPaths(t *testing.T) (paths []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "routes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && (f.Name.Name == "routes" || f.Name.Name == "publisherRoutes") {
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
