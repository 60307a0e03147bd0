package docs_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

//go:generate go test . -run TestReference$ -update

var update = flag.Bool("update", false, "write docs/reference.md")

// TestReference holds docs/reference.md to docs/openapi.yaml.
func TestReference(t *testing.T) {
	r := reference{doc: readOpenAPI(t), written: map[string]bool{}}
	r.page()
	if *update {
		if err := os.WriteFile(filepath.Join(root, "docs/reference.md"), r.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(readFile(t, "docs/reference.md"), r.Bytes()) {
		t.Error("docs/reference.md is not what docs/openapi.yaml says: go generate ./internal/docs")
	}
}

// TestReferenceIsWhole: every call and every object of the document has its heading,
// and every other name of a path is told.
func TestReferenceIsWhole(t *testing.T) {
	var doc struct {
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := yaml.Unmarshal(readFile(t, "docs/openapi.yaml"), &doc); err != nil {
		t.Fatal(err)
	}
	var want []string
	for path, methods := range doc.Paths {
		for method := range methods {
			line := "### `" + strings.ToUpper(method) + " " + path + "`"
			if method == "$ref" {
				line = "Also: `" + path + "`."
			}
			want = append(want, line)
		}
	}
	for name := range doc.Components.Schemas {
		want = append(want, "#### "+name)
	}
	if len(want) < 20 {
		t.Fatalf("the document has only %q", want)
	}
	page := readFile(t, "docs/reference.md")
	for _, line := range want {
		if !bytes.Contains(page, []byte("\n"+line+"\n")) {
			t.Errorf("docs/reference.md: there is no %s", line)
		}
	}
}

// A reference is docs/reference.md as it is written.
type reference struct {
	bytes.Buffer
	doc     openAPI
	written map[string]bool // the schemas that have been
}

func (r *reference) f(format string, args ...any) { fmt.Fprintf(r, format, args...) }

func (r *reference) page() {
	r.f("# API reference\n\n" +
		"Every call with its parameters, bodies and answers, made from [openapi.yaml](openapi.yaml)\n" +
		"(`go generate ./internal/docs`), where the patterns of strings are, too.\n" +
		"[HTTP interface](api.md) is the guide.\n")
	r.index()
	r.f("\n## For all calls\n\n%s", prose(r.doc.Info.Description))
	r.credentials()
	for _, tag := range r.doc.Tags {
		r.f("\n## %s%s\n\n%s.\n", strings.ToUpper(tag.Name[:1]), tag.Name[1:], tag.Description)
		r.calls(func(path, method string, op operation) {
			if op.Tags[0] == tag.Name {
				r.operation(path, method, op)
			}
		})
	}
	r.errors()
	r.f("\n## Objects\n\nWhat the calls above refer to.\n")
	for _, s := range r.doc.Components.Schemas {
		r.object(s.name)
	}
}

// calls gives every method of every path, in the order of the document.
func (r *reference) calls(each func(path, method string, op operation)) {
	for _, p := range r.doc.Paths {
		for _, m := range p.value.Methods {
			each(p.name, m.name, m.value)
		}
	}
}

func call(method, path string) string { return strings.ToUpper(method) + " " + path }

func (r *reference) index() {
	r.f("\n| call | does |\n|---|---|\n")
	r.calls(func(path, method string, op operation) {
		name := call(method, path)
		r.f("| [`%s`](#%s) | %s |\n", name, anchor(name), cell(op.Summary))
	})
}

func (r *reference) credentials() {
	r.f("\n## Credentials\n\n| where | what |\n|---|---|\n")
	for _, s := range r.doc.Components.SecuritySchemes {
		r.f("| %s | %s |\n", place(s.value), cell(s.value.Description))
	}
}

// place is where a credential stands.
func place(s securityScheme) string {
	if s.Name == "" {
		return "header `Authorization: Bearer`"
	}
	return s.In + " `" + s.Name + "`"
}

// errors are the answers that several calls give, each with what it looks like.
func (r *reference) errors() {
	r.f("\n## Errors\n\nThe answers that several calls give, all of them a [Problem](#problem).\n\n| when | example |\n|---|---|\n")
	for _, e := range r.doc.Components.Responses {
		var examples []string
		for _, c := range e.value.Content {
			for _, e := range c.value.all() {
				examples = append(examples, "`"+cell(jsonOf(&e.Value))+"`")
			}
		}
		r.f("| %s | %s |\n", cell(e.value.Description), strings.Join(examples, "<br>"))
	}
}

func (r *reference) operation(path, method string, op operation) {
	r.f("\n### `%s`\n\n**%s**\n", call(method, path), op.Summary)
	for _, p := range r.doc.Paths {
		if strings.ReplaceAll(p.value.Ref, "~1", "/") == "#/paths/"+path {
			r.f("\nAlso: `%s`.\n", p.name)
		}
	}
	if op.Description != "" {
		r.f("\n%s", prose(op.Description))
	}
	r.f("\n**Who may call:** %s.\n", r.callers(op))
	r.parameters(op.Parameters)
	if op.RequestBody != nil {
		r.f("\n%s\n\n", strings.TrimSpace("**Body:** "+cell(op.RequestBody.Description)))
		for _, c := range op.RequestBody.Content {
			r.f("- %s\n", body(c))
		}
		r.examples(op.RequestBody.Content)
	}
	r.responses(op.Responses)
	if op.RequestBody != nil {
		r.objects(op.RequestBody.Content)
	}
	for _, a := range op.Responses {
		r.objects(a.value.Content)
	}
}

func (r *reference) callers(op operation) string {
	var who []string
	for _, alternative := range op.Security {
		if len(alternative) == 0 {
			who = append(who, "or without one where none are configured")
		}
		for _, s := range r.doc.Components.SecuritySchemes {
			if _, ok := alternative[s.name]; ok {
				who = append(who, place(s.value))
			}
		}
	}
	if who == nil {
		return "everybody"
	}
	return "with a [credential](#credentials): " + strings.Join(who, ", ")
}

func (r *reference) parameters(all []parameter) {
	if len(all) == 0 {
		return
	}
	r.f("\n| parameter | in | type | required | meaning | examples |\n|---|---|---|---|---|---|\n")
	for _, p := range all {
		var examples []string
		for _, e := range p.all() {
			examples = append(examples, "`"+cell(shown(p.Name, &e.Value))+"`")
		}
		r.f("| `%s` | %s | %s | %s | %s | %s |\n", p.Name, p.In, cell(typeOf(&p.Schema)), yes(p.Required), cell(p.Description), strings.Join(examples, ", "))
	}
}

func (r *reference) responses(all ordered[response]) {
	r.f("\n**Answers:**\n\n| status | meaning | body |\n|---|---|---|\n")
	for _, a := range all {
		status, meaning := a.name, cell(a.value.Description)
		if status == "default" {
			status = "any other"
		}
		for _, h := range a.value.Headers {
			line := h.name
			if c := h.value.Schema.Const; c.Kind != 0 {
				line += ": " + c.Value
			}
			meaning += " `" + line + "`: " + cell(h.value.Description)
		}
		var bodies []string
		for _, c := range a.value.Content {
			bodies = append(bodies, cell(body(c)))
		}
		r.f("| %s | %s | %s |\n", status, meaning, strings.Join(bodies, "<br>"))
	}
	for _, a := range all {
		r.examples(a.value.Content)
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

var schemaLink = regexp.MustCompile(`\(#/components/schemas/(\w+)\)`)

// prose is a description with links that lead to headings of this page.
func prose(s string) string {
	s = schemaLink.ReplaceAllStringFunc(s, func(link string) string {
		return "(#" + anchor(schemaLink.FindStringSubmatch(link)[1]) + ")"
	})
	return strings.TrimSpace(s) + "\n"
}

// cell is a text for a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(prose(s)), " "), "|", `\|`)
}
