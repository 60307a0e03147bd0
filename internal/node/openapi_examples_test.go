package node_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"testing"

	"github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/orderedmap"

	"notifier/internal/nodetest"
)

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
	if slices.Contains(op.Tags, "subscribe") {
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
	if c.method == "DELETE" && len(query) == 0 {
		calls = calls[1:] // it must say what is deleted
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
