package docs_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// problem is the body of every error. It has a place of its own on the page.
const problem = "application/problem+json"

// body is what a body is, in a few words.
func body(c named[content]) string {
	kind := typeOf(&c.value.Schema)
	switch {
	case c.name == problem:
		return kind
	case kind == "string":
		return "`" + c.name + "`"
	}
	return "`" + c.name + "`: " + kind
}

// examples writes those of a body.
func (r *reference) examples(all ordered[content]) {
	for _, c := range all {
		if c.name == problem {
			continue
		}
		for _, e := range c.value.all() {
			example, language := shown("", &e.Value), "text"
			switch c.name {
			case "application/json":
				language = "json"
			case "application/x-www-form-urlencoded":
				example = form(&e.Value)
			}
			// A blank line at the end is part of an event stream.
			r.f("\n%s:\n\n```%s\n%s\n```\n", label(e.Summary, c.name), language, strings.TrimSuffix(example, "\n"))
		}
	}
}

func label(summary, kind string) string {
	if summary == "" {
		return "Example of `" + kind + "`"
	}
	return summary + ", `" + kind + "`"
}

// objects writes those of a body.
func (r *reference) objects(all ordered[content]) {
	for _, c := range all {
		for _, s := range append(c.value.Schema.OneOf, c.value.Schema) {
			if s.Ref != "" && c.name != problem {
				r.object(s.name())
			}
		}
	}
}

// object writes a schema that has a name, the first time.
func (r *reference) object(name string) {
	if r.written[name] {
		return
	}
	r.written[name] = true
	i := slices.IndexFunc(r.doc.Components.Schemas, func(s named[schema]) bool { return s.name == name })
	s := &r.doc.Components.Schemas[i].value
	r.f("\n#### %s\n", name)
	if s.Type != "object" {
		r.f("\nType: %s.\n", typeOf(s))
	}
	if s.Description != "" {
		r.f("\n%s", prose(s.Description))
	}
	if len(s.Properties) > 0 {
		r.f("\n| field | type | required | meaning |\n|---|---|---|---|\n")
		r.fields("", s)
	}
	if len(s.OneOf) > 0 {
		r.f("\nOne of these: %s.\n", strings.Join(alternatives(s), "; "))
	}
	for _, e := range s.Examples {
		r.f("\nExample: `%s`\n", jsonOf(&e))
	}
}

// fields writes a row for each field of an object, and of objects in it that have
// no name.
func (r *reference) fields(prefix string, s *schema) {
	for _, p := range s.Properties {
		f := &p.value
		r.f("| `%s%s` | %s | %s | %s |\n", prefix, p.name, cell(typeOf(f)), yes(slices.Contains(s.Required, p.name)), cell(f.Description))
		if f.Items != nil {
			r.fields(prefix+p.name+"[].", f.Items)
		}
		r.fields(prefix+p.name+".", f)
	}
}

// alternatives are what an object must have, one of them.
func alternatives(s *schema) (all []string) {
	for _, o := range s.OneOf {
		all = append(all, o.Title+" (`"+strings.Join(o.Required, "`, `")+"`)")
	}
	return all
}

// typeOf is a schema in a few words: its type, bounds and default.
func typeOf(s *schema) string {
	words := []string{kindOf(s)}
	if s.Format != "" {
		words = append(words, s.Format)
	}
	words = append(words, bounds(s.Minimum, s.Maximum, "")...)
	words = append(words, bounds(s.MinLength, s.MaxLength, " long")...)
	if s.Default.Kind != 0 {
		words = append(words, "default `"+literal(&s.Default)+"`")
	}
	return strings.Join(words, ", ")
}

func kindOf(s *schema) string {
	switch {
	case s.Ref != "":
		return "[" + s.name() + "](#" + anchor(s.name()) + ")"
	case s.Const.Kind != 0:
		return "`" + literal(&s.Const) + "`"
	case len(s.Enum) > 0:
		return "`" + strings.Join(s.Enum, "` or `") + "`"
	case len(s.OneOf) > 0:
		var all []string
		for _, o := range s.OneOf {
			all = append(all, typeOf(&o))
		}
		return strings.Join(all, " or ")
	case s.Items != nil:
		return "array of " + typeOf(s.Items)
	case s.AdditionalProperties != nil && !s.AdditionalProperties.nothing:
		return "object of " + typeOf(s.AdditionalProperties)
	case s.Type == "":
		return "any JSON"
	}
	return s.Type
}

func bounds(least, most, unit string) []string {
	switch {
	case least != "" && most != "":
		return []string{least + " to " + most + unit}
	case least != "":
		return []string{"at least " + least + unit}
	case most != "":
		return []string{"at most " + most + unit}
	}
	return nil
}

// shown is an example as it stands in a request or an answer: a word as it is, a
// list as a query has it for the name, anything else as JSON.
func shown(name string, n *yaml.Node) string {
	switch {
	case n.Kind == yaml.ScalarNode:
		return n.Value
	case n.Kind == yaml.SequenceNode && name != "":
		return pairs(name, n)
	}
	return jsonOf(n)
}

// form is an object as a form.
func form(n *yaml.Node) string {
	var all []string
	for i := 0; i < len(n.Content); i += 2 {
		all = append(all, pairs(n.Content[i].Value, n.Content[i+1]))
	}
	return strings.Join(all, "&")
}

func pairs(name string, n *yaml.Node) string {
	values := n.Content
	if n.Kind == yaml.ScalarNode {
		values = []*yaml.Node{n}
	}
	var all []string
	for _, v := range values {
		all = append(all, url.QueryEscape(name)+"="+url.QueryEscape(v.Value))
	}
	return strings.Join(all, "&")
}

// literal is a value as it is written, with quotes only if there is nothing in them.
func literal(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.Value != "" {
		return n.Value
	}
	return jsonOf(n)
}

// jsonOf is a value as JSON, its fields in the order of the document.
func jsonOf(n *yaml.Node) string {
	var all []string
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			all = append(all, jsonOf(n.Content[i])+":"+jsonOf(n.Content[i+1]))
		}
		return "{" + strings.Join(all, ",") + "}"
	case yaml.SequenceNode:
		for _, c := range n.Content {
			all = append(all, jsonOf(c))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	if n.ShortTag() != "!!str" {
		return n.Value // numbers, true, false and null are the same in both
	}
	quoted, _ := json.Marshal(n.Value)
	return string(quoted)
}
