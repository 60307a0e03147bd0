package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// A file is the settings of a YAML file by name, as kong reads them from a flag: a
// string, or a list of strings as []any.
type file map[string]any

// Validate has nothing left to do; readFile has.
func (f file) Validate(*kong.Application) error { return nil }

// Resolve gives kong a setting that is neither a flag nor in the environment.
func (f file) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	return f[flag.Name], nil
}

// readFile reads a YAML mapping of settings. The error is every mistake in it,
// each with its line.
func readFile(path string, settings map[string]*kong.Flag) (file, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	root, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f, seen := file{}, map[string]int{}
	var mistakes []error
	for key, value := range pairs(root) {
		if line := seen[key.Value]; line != 0 {
			err = fmt.Errorf("is already set in line %d", line)
		} else {
			seen[key.Value] = key.Line
			f[key.Value], err = decode(key.Value, value, settings)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s:%d: %s: %w", path, key.Line, key.Value, err))
		}
	}
	return f, errors.Join(mistakes...)
}

// parse returns the mapping that is the one document in data, an empty one if
// there is none.
func parse(data []byte) (*yaml.Node, error) {
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&doc); err == io.EOF {
		return &doc, nil
	} else if err != nil {
		return nil, err
	}
	if err := d.Decode(new(yaml.Node)); err != io.EOF {
		return nil, errors.New("must be one YAML document")
	}
	if root := doc.Content[0]; root.Kind == yaml.MappingNode {
		return root, nil
	}
	return nil, errors.New("must be a mapping of settings to values")
}

// pairs are the keys and values of a mapping, in order.
func pairs(mapping *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		for c := mapping.Content; len(c) > 1; c = c[2:] {
			if !yield(c[0], c[1]) {
				return
			}
		}
	}
}

// decode turns the value of one setting into what kong reads, and makes sure that
// kong will: its own error could not name the line.
func decode(name string, n *yaml.Node, settings map[string]*kong.Flag) (any, error) {
	flag, known := settings[name]
	if !known {
		return nil, fmt.Errorf("unknown setting%s", hint(name, slices.Collect(maps.Keys(settings))))
	}
	v, err := plain(n, flag.IsSlice())
	if err != nil {
		return nil, err
	}
	return v, flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan(v)}, reflect.New(flag.Target.Type()).Elem())
}

// plain is the text of a scalar, or, where allowed, of each scalar in a list.
func plain(n *yaml.Node, list bool) (any, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return nil, errors.New(`has no value; "" is the empty one`)
	case n.Kind == yaml.ScalarNode:
		return n.Value, nil
	case n.Kind != yaml.SequenceNode || !list:
		return nil, errors.New("must be a single value")
	}
	texts := []any{}
	for _, item := range n.Content {
		text, err := plain(item, false)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// scan is the value of a flag as kong takes it.
func scan(value any) *kong.Scanner {
	return kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: value})
}
