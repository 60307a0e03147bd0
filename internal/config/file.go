package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// file reads a YAML mapping of settings, and notes every mistake in it with its
// line.
func (r *reading) file(path string) {
	data, err := os.ReadFile(path)
	if err != nil {
		r.add(Origin{}, "config", err)
		return
	}
	root, err := parse(data)
	if err != nil {
		line, err := lineOf(err)
		r.add(Origin{File: path, Line: line}, "", err)
		return
	}
	seen := map[string]int{}
	for key, value := range pairs(root) {
		name, origin := key.Value, Origin{File: path, Line: key.Line}
		if line := seen[name]; line != 0 {
			r.add(origin, name, fmt.Errorf("is already set in line %d", line))
			continue
		}
		seen[name] = key.Line
		v, err := r.decode(name, value)
		if err != nil {
			r.add(origin, name, err)
			continue
		}
		r.values[name], r.origins[name] = v, origin
	}
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
	return nil, errors.New("must be a mapping of settings to values, as heartbeat: 15s")
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// lineOf takes the line out of a YAML error, which has none in the first line. It
// is 0 for an error that is about the whole file.
func lineOf(err error) (int, error) {
	m := yamlError.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, err
	}
	line, err := strconv.Atoi(m[1])
	if err != nil {
		line = 1
	}
	return line, fmt.Errorf("not YAML: %s; indent with spaces only, and put values with other than letters and digits in quotes", m[2])
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

// decode turns the value of one setting into what kong reads.
func (r *reading) decode(name string, n *yaml.Node) (any, error) {
	flag, known := r.settings[name]
	if !known {
		return nil, fmt.Errorf("unknown setting%s", r.suggest(name, n))
	}
	v, err := plain(n, flag.IsSlice())
	if err != nil {
		return nil, err
	}
	return v, try(flag, v)
}

// suggest is what may have been meant by an unknown key: a setting of nearly that
// name, also where it is written as in the environment or on the command line, or
// one that was made a section of its own.
func (r *reading) suggest(name string, n *yaml.Node) string {
	names := slices.Collect(maps.Keys(r.settings))
	for key := range pairs(n) {
		if full := name + "-" + key.Value; slices.Contains(names, full) {
			return fmt.Sprintf("; there are no sections: write %s", full)
		}
	}
	name = strings.TrimPrefix(strings.ToLower(name), strings.ToLower(prefix))
	return hint(strings.TrimLeft(strings.ReplaceAll(name, "_", "-"), "-"), names)
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
