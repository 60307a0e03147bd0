package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// A Mistake is one thing that is wrong with the settings.
type Mistake struct {
	Origin  Origin
	Setting string // "" if it is about no single one
	Detail  string // and what to write instead
}

// Error names the place, as FILE:LINE or the variable, the setting, and what is
// wrong with it.
func (m *Mistake) Error() string {
	text := m.Detail
	if m.Setting != "" && m.Origin.Env == "" { // the variable's name says which
		text = m.Setting + ": " + text
	}
	if place := m.Origin.place(); place != "" {
		text = place + ": " + text
	}
	return text
}

// Mistakes are all that is wrong, by line as far as they stand in the file.
type Mistakes []*Mistake

// Error is a line for each.
func (all Mistakes) Error() string {
	errs := make([]error, len(all))
	for i, m := range all {
		errs[i] = m
	}
	return errors.Join(errs...).Error()
}

// mistakes collects what is wrong with the values of settings.
type mistakes []*Mistake

func (m *mistakes) add(setting, format string, args ...any) {
	*m = append(*m, &Mistake{Setting: setting, Detail: fmt.Sprintf(format, args...)})
}

// together puts what was found reading the settings and what is wrong with their
// values into one error. A setting that could not be read has no value to judge.
func (c *Config) together(m mistakes) error {
	var all Mistakes
	if c.read != nil {
		all = slices.Clone(c.read.mistakes)
	}
	for _, found := range m {
		if slices.ContainsFunc(all, func(earlier *Mistake) bool { return earlier.Setting == found.Setting }) {
			continue
		}
		found.Origin = c.origin(found.Setting)
		all = append(all, found)
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b *Mistake) int { return cmp.Compare(a.Origin.Line, b.Origin.Line) })
	return all
}
