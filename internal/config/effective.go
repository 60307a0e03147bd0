package config

import (
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// hidden stands where a secret is.
const hidden = "(hidden)"

// Write writes the configuration as a YAML file, each value with where it is from.
// Secrets are comments there: a server that is given the file must not take what
// stands for a secret as one.
func (c Config) Write(w io.Writer) error {
	group := ""
	for _, f := range c.flags() {
		if f.Group.Title != group {
			if group != "" {
				fmt.Fprintln(w)
			}
			group = f.Group.Title
			fmt.Fprintf(w, "# %s\n", group)
		}
		items, secret := text(f.Target.Interface()), false
		if _, is := f.Target.Interface().(Secret); is || f.Tag.Has("secret") {
			items, secret = hide(items, f.IsSlice())
		}
		line, err := entry(f.Name, items, f.IsSlice(), c.origin(f.Name))
		if err != nil {
			return err
		}
		if secret {
			line = "# " + line
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	return nil
}

// hide replaces what is secret in the value of a setting, and reports whether
// anything was. The name of a file is not, nor in a list the NAME of NAME=HASH.
func hide(items []string, list bool) (shown []string, any bool) {
	for _, item := range items {
		if item == "" || item[0] == '@' {
			shown = append(shown, item)
			continue
		}
		if name, _, named := strings.Cut(item, "="); list && named {
			shown = append(shown, name+"="+hidden)
		} else {
			shown = append(shown, hidden)
		}
		any = true
	}
	return shown, any
}

// entry is one setting in a line of YAML.
func entry(name string, items []string, list bool, from Origin) (string, error) {
	value := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, item := range items {
		value.Content = append(value.Content, scalar(item))
	}
	if !list {
		value = value.Content[0]
	}
	value.LineComment = from.String()
	key := &yaml.Node{Kind: yaml.ScalarNode, Value: name}
	line, err := yaml.Marshal(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{key, value}})
	return string(line), err
}

// scalar is a text that is quoted only where it would not be one value otherwise.
func scalar(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: s}
	if s == "" || strings.ContainsAny(s, "\r\n") || s == "~" || s == "null" {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
