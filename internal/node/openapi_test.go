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
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"go.yaml.in/yaml/v4"

	serverconfig "notifier/internal/config"
	"notifier/internal/nodetest"
	"notifier/internal/ssetest"
)

// A spec is docs/openapi.yaml, with what judges requests and answers by it.
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
	judge, errs := validator.NewValidator(doc, config.WithFormatAssertions(), config.WithStandardBodyDecoders(), config.WithRejectUndeclaredRequestBody())
	if errs != nil {
		t.Fatal(errs)
	}
	return &spec{&model.Model, judge, schema_validation.NewSchemaValidator(config.WithFormatAssertions())}
}

// operations are the documented ones, by path and method.
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

// is fails the test if a JSON value does not have the named schema.
func (s *spec) is(t *testing.T, schema string, value []byte) {
	t.Helper()
	if ok, errs := s.schemas.ValidateSchemaBytes(s.Components.Schemas.GetOrZero(schema).Schema(), value); !ok {
		t.Errorf("no %s: %s\n%s", schema, value, reasons(errs))
	}
}

func reasons(errs []*errors.ValidationError) string {
	var b strings.Builder
	for _, e := range errs {
		fmt.Fprintf(&b, "\t%s: %s\n", e.Message, e.Reason)
		for _, f := range e.SchemaValidationErrors {
			fmt.Fprintf(&b, "\t\t%s: %s\n", f.KeywordLocation, f.Reason)
		}
	}
	return b.String()
}

func TestOpenAPIDocument(t *testing.T) {
	s := readSpec(t)
	if !strings.HasPrefix(s.Version, "3.1.") {
		t.Errorf("it says to be OpenAPI %s", s.Version)
	}
	if ok, errs := s.judge.ValidateDocument(); !ok {
		t.Errorf("not valid:\n%s", reasons(errs))
	}
	for name, schema := range s.Components.Schemas.FromOldest() {
		for _, example := range schema.Schema().Examples {
			s.is(t, name, toJSON(t, example))
		}
	}
	for path, methods := range s.operations() {
		for method, op := range methods {
			for status, media := range contents(op) {
				t.Run(fmt.Sprint(method, " ", path, " ", status), func(t *testing.T) { s.checkExamples(t, media) })
			}
		}
	}
}
