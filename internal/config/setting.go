package config

import (
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// A Setting is one of them, as its tags declare it.
type Setting struct {
	Name    string // flag, without dashes, and key in the file
	Group   string
	Env     string
	Default string // as text; "" if that is no value
	Reload  bool   // a reload can change it
	Help    string // without the default
}

// Settings are all of them, in the order and the groups of the help.
func Settings() []Setting {
	var c Config
	var all []Setting
	for _, f := range c.flags() {
		all = append(all, Setting{
			Name: f.Name, Group: f.Group.Title, Env: f.Envs[0], Default: f.Default,
			Reload: f.Tag.Has("reload"), Help: strings.Replace(f.Help, " ("+f.Default+")", "", 1),
		})
	}
	return all
}

// flags are the settings as kong knows them, with c as their target; without the
// file, which is where settings stand.
func (c *Config) flags() (flags []*kong.Flag) {
	for _, f := range kong.Must(c, kong.NoDefaultHelp()).Model.Flags {
		if f.Name != "config" {
			flags = append(flags, f)
		}
	}
	return flags
}

// Reload is what a server that runs with before makes of after without a restart:
// the settings that it then runs with, those that it has changed, and those that it
// cannot change, or not in this case, being fixed. A setting that names a file is
// the same if only the file is not.
func Reload(before, after Config, fixed ...string) (now Config, changed, restart []Setting) {
	now = before
	was, is := now.flags(), after.flags()
	for i, s := range Settings() {
		switch {
		case reflect.DeepEqual(was[i].Target.Interface(), is[i].Target.Interface()):
		case s.Reload && !slices.Contains(fixed, s.Name):
			was[i].Target.Set(is[i].Target)
			changed = append(changed, s)
		default:
			restart = append(restart, s)
		}
	}
	return now, changed, restart
}

// text is the value of a setting as it is written, of a list each item.
func text(value any) []string {
	switch v := value.(type) {
	case []string:
		return v
	case slog.Level:
		return []string{strings.ToLower(v.String())}
	case time.Duration:
		s := v.String() // 24h0m0s
		if strings.HasSuffix(s, "m0s") {
			s = strings.TrimSuffix(s, "0s")
		}
		if strings.HasSuffix(s, "h0m") {
			s = strings.TrimSuffix(s, "0m")
		}
		return []string{s}
	case Secret:
		return []string{string(v)}
	}
	return []string{fmt.Sprint(value)}
}

// WriteTable writes what docs/configuration.md says of every setting: a table of
// Markdown for each group.
func WriteTable(w io.Writer) {
	group := ""
	for _, s := range Settings() {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(w, "\n## %s\n\n| setting | environment | default | reload | meaning |\n|---|---|---|---|---|\n", group)
		}
		reload, value := "", ""
		if s.Reload {
			reload = "yes"
		}
		if s.Default != "" {
			value = "`" + s.Default + "`"
		}
		help := strings.ReplaceAll(s.Help, "|", `\|`)
		fmt.Fprintf(w, "| `%s` | `%s` | %s | %s | %s |\n", s.Name, s.Env, value, reload, help)
	}
}
