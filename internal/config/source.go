package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// prefix begins the environment variables that are ours.
const prefix = "NOTIFIER_"

// BeforeResolve is called by kong when flags and environment are read: it refuses
// unknown variables and adds the file.
func (c *Config) BeforeResolve(ctx *kong.Context) error {
	if err := checkEnvironment(os.Environ(), variables(ctx.Model)); err != nil {
		return err
	}
	settings := map[string]*kong.Flag{}
	for _, f := range ctx.Flags() {
		if len(f.Envs) > 0 {
			settings[f.Name] = f
		}
	}
	path := ctx.FlagValue(settings["config"]).(string)
	delete(settings, "config") // a file does not name another
	if path == "" {
		return nil
	}
	f, err := readFile(path, settings)
	if err != nil {
		return err
	}
	ctx.AddResolver(f)
	return nil
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

func checkEnvironment(environ, known []string) error {
	var mistakes []error
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || slices.Contains(known, name) || isServiceLink(name, value) {
			continue
		}
		mistakes = append(mistakes, fmt.Errorf("unknown environment variable %s%s", name, hint(name, known)))
	}
	return errors.Join(mistakes...)
}

// serviceLink matches the variables that Kubernetes gives to every container
// about a service whose name begins with notifier.
var serviceLink = regexp.MustCompile(`^NOTIFIER_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// isServiceLink reports whether not a person but Kubernetes has set a variable.
// …_PORT alone could be anybody's: there the value, as tcp://10.0.0.1:80, tells.
func isServiceLink(name, value string) bool {
	return serviceLink.MatchString(name) || strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}
