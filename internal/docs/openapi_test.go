package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// An openAPI is what docs/reference.md tells of docs/openapi.yaml.
type openAPI struct {
	Info struct {
		Description string
	}
	Tags []struct {
		Name        string
		Description string
	}
	Paths      ordered[pathItem]
	Components struct {
		Schemas         ordered[schema]
		Responses       ordered[response]
		SecuritySchemes ordered[securityScheme] `yaml:"securitySchemes"`
	}
}

// A pathItem is a path's methods, or stands for another path.
type pathItem struct {
	Ref     string `yaml:"$ref"`
	Methods ordered[operation]
}

func (p *pathItem) UnmarshalYAML(n *yaml.Node) error {
	if n.Content[0].Value == "$ref" {
		p.Ref = n.Content[1].Value
		return nil
	}
	return n.Decode(&p.Methods)
}

type operation struct {
	Tags        []string
	Summary     string
	Description string
	Security    []map[string][]string
	Parameters  []parameter
	RequestBody *response `yaml:"requestBody"`
	Responses   ordered[response]
}

type parameter struct {
	Name, In, Description string
	Required              bool
	Schema                schema
	media                 `yaml:",inline"`
}

// A response is a body with a description: of an answer, or of a request.
type response struct {
	Description string
	Headers     ordered[parameter]
	Content     ordered[content]
}

type content struct {
	Schema schema
	media  `yaml:",inline"`
}

// A media is where examples stand.
type media struct {
	Example  yaml.Node
	Examples ordered[example]
}

type example struct {
	Summary string
	Value   yaml.Node
}

// all are the examples, however they are written.
func (m media) all() (all []example) {
	if m.Example.Kind != 0 {
		all = append(all, example{Value: m.Example})
	}
	for _, e := range m.Examples {
		all = append(all, e.value)
	}
	return all
}

type securityScheme struct {
	In, Name, Description string
}

type schema struct {
	Ref                  string `yaml:"$ref"`
	Title                string
	Description          string
	Type                 string
	Format               string
	Minimum, Maximum     string
	MinLength            string `yaml:"minLength"`
	MaxLength            string `yaml:"maxLength"`
	Const, Default       yaml.Node
	Enum                 []string
	OneOf                []schema `yaml:"oneOf"`
	Items                *schema
	Required             []string
	Properties           ordered[schema]
	AdditionalProperties *schema `yaml:"additionalProperties"`
	Examples             []yaml.Node

	nothing bool // the schema false
}

func (s *schema) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		s.nothing = n.Value == "false"
		return nil
	}
	type fields schema
	return n.Decode((*fields)(s))
}

// name is the schema's if it stands for one with a name.
func (s *schema) name() string {
	return strings.TrimPrefix(s.Ref, "#/components/schemas/")
}

// An ordered is a mapping in the order of the document.
type ordered[T any] []named[T]

type named[T any] struct {
	name  string
	value T
}

func (o *ordered[T]) UnmarshalYAML(n *yaml.Node) error {
	for i := 0; i < len(n.Content); i += 2 {
		e := named[T]{name: n.Content[i].Value}
		if err := n.Content[i+1].Decode(&e.value); err != nil {
			return err
		}
		*o = append(*o, e)
	}
	return nil
}

func readOpenAPI(t *testing.T) (doc openAPI) {
	t.Helper()
	var tree yaml.Node
	if err := yaml.Unmarshal(readFile(t, "docs/openapi.yaml"), &tree); err != nil {
		t.Fatal(err)
	}
	resolve(t, &tree, &tree)
	if err := tree.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// readFile reads a file of the project.
func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// resolve puts parameters, headers and responses where they are referred to. Paths
// and schemas stay references: the page links to them.
func resolve(t *testing.T, tree, n *yaml.Node) {
	t.Helper()
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "$ref" {
		kind, name, _ := strings.Cut(strings.TrimPrefix(n.Content[1].Value, "#/components/"), "/")
		if kind == "parameters" || kind == "headers" || kind == "responses" {
			target := at(tree.Content[0], "components", kind, name)
			if target == nil {
				t.Fatalf("line %d: %s leads nowhere", n.Line, n.Content[1].Value)
			}
			*n = *target
		}
	}
	for _, c := range n.Content {
		resolve(t, tree, c)
	}
}

// at is what lies under the keys, or nil.
func at(n *yaml.Node, keys ...string) *yaml.Node {
	for i := 0; len(keys) > 0 && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == keys[0] {
			return at(n.Content[i+1], keys[1:]...)
		}
	}
	if len(keys) > 0 {
		return nil
	}
	return n
}
