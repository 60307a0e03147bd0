package config

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// prefix begins the environment variables that are ours.
const prefix = "NOTIFIER_"

// An Origin is where the value of a setting was written. The zero Origin is the
// default.
type Origin struct {
	Flag bool
	Env  string // name of the variable
	File string
	Line int // in File, from 1; 0 if it is about all of it
}

// place is how messages begin that are about a value; a flag is right before
// whoever reads the message.
func (o Origin) place() string {
	switch {
	case o.Env != "":
		return o.Env
	case o.Line != 0:
		return fmt.Sprintf("%s:%d", o.File, o.Line)
	}
	return o.File
}

// String names it.
func (o Origin) String() string {
	switch {
	case o.Flag:
		return "flag"
	case o.Env != "":
		return "environment " + o.Env
	case o.File != "":
		return o.place()
	}
	return "default"
}

// origin is where the value of a setting is from, as far as that was read.
func (c *Config) origin(setting string) Origin {
	if c.read == nil {
		return Origin{}
	}
	return c.read.origins[setting]
}

// A reading is what the environment and the file say, and what is wrong there.
type reading struct {
	settings map[string]*kong.Flag
	values   map[string]any // text or list of texts, of those that can be read
	origins  map[string]Origin
	mistakes []*Mistake
}

// BeforeReset is called by kong once it knows the flags. What is wrong in the
// environment and in the file is kept for [Config.Validate], so that all of it is
// said at once.
func (c *Config) BeforeReset(ctx *kong.Context) error {
	r := &reading{settings: map[string]*kong.Flag{}, values: map[string]any{}, origins: map[string]Origin{}}
	for _, f := range ctx.Flags() {
		if len(f.Envs) > 0 {
			r.settings[f.Name] = f
		}
	}
	r.unknownVariables(os.Environ(), variables(ctx.Model))
	path := os.Getenv(r.settings["config"].Envs[0])
	for _, p := range ctx.Path {
		if p.Flag == r.settings["config"] {
			path = ctx.FlagValue(p.Flag).(string)
		}
	}
	delete(r.settings, "config") // a file does not name another
	if path != "" {
		r.file(path)
	}
	r.environment()
	for _, p := range ctx.Path {
		if p.Flag != nil {
			r.origins[p.Flag.Name] = Origin{Flag: true}
		}
	}
	ctx.AddResolver(r)
	c.read = r
	return nil
}

// Validate is called by kong; what there is to say, [Config.Validate] says.
func (r *reading) Validate(*kong.Application) error { return nil }

// Resolve gives kong the value of a setting that is no flag.
func (r *reading) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	return r.values[flag.Name], nil
}

// environment reads the variables, which go before the file. One that cannot be
// read is stood in for, so that kong goes on and the rest is looked at too.
func (r *reading) environment() {
	for _, name := range slices.Sorted(maps.Keys(r.settings)) {
		flag := r.settings[name]
		text, set := os.LookupEnv(flag.Envs[0])
		if !set {
			continue
		}
		origin := Origin{Env: flag.Envs[0]}
		if err := try(flag, text); err != nil {
			r.add(origin, name, err)
			text = standIn(flag)
		}
		r.values[name], r.origins[name] = text, origin
	}
}

// standIn is a value that can be read.
func standIn(flag *kong.Flag) string {
	if flag.IsBool() {
		return "false"
	}
	return flag.Default
}

func (r *reading) add(origin Origin, setting string, err error) {
	r.mistakes = append(r.mistakes, &Mistake{origin, setting, err.Error()})
}

// try makes sure that kong will read the value: its own error could not name the
// place.
func try(flag *kong.Flag, value any) error {
	target := reflect.New(flag.Target.Type()).Elem()
	err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan(value)}, target)
	if form := forms[target.Type().String()]; err != nil && form != "" {
		return fmt.Errorf("%q is not %s", value, form)
	}
	return err
}

// forms say how values are written, by type; a type that is missing says so itself.
var forms = map[string]string{
	"time.Duration": "a duration: write a number and a unit, as 500ms, 15s, 10m or 24h",
	"int":           "a whole number",
	"float64":       "a number, as 0.1",
	"bool":          "true or false",
	"slog.Level":    "a level: write debug, info, warn or error",
}

// scan is the value of a flag as kong takes it.
func scan(value any) *kong.Scanner {
	return kong.ScanFromTokens(kong.Token{Type: kong.FlagValueToken, Value: value})
}

// variables are the environment variables of all commands: those of another one
// may well be set when the server is started.
func variables(app *kong.Application) (names []string) {
	_ = kong.Visit(app, func(v kong.Visitable, next kong.Next) error {
		if f, ok := v.(*kong.Flag); ok {
			names = append(names, f.Envs...)
		}
		return next(nil)
	})
	return names
}

func (r *reading) unknownVariables(environ, known []string) {
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, prefix) && !slices.Contains(known, name) && !isServiceLink(name, value) {
			r.mistakes = append(r.mistakes, &Mistake{Detail: "unknown environment variable " + name + hint(name, known)})
		}
	}
}

// serviceLink matches the variables that Kubernetes gives to every container
// about a service whose name begins with notifier.
var serviceLink = regexp.MustCompile(`^NOTIFIER_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// isServiceLink reports whether not a person but Kubernetes has set a variable.
// …_PORT alone could be anybody's: there the value, as tcp://10.0.0.1:80, tells.
func isServiceLink(name, value string) bool {
	return serviceLink.MatchString(name) || strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}
