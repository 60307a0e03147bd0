package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"notifier/internal/config"
	"notifier/internal/loadtest"
)

type benchCmd struct {
	URL      server        `arg:"" optional:"" env:"NOTIFIER_URL" default:"http://127.0.0.1:4001" help:"Server, with its base path, as its clients know it (${default})."`
	Streams  int           `default:"1000" help:"Streams to open (${default})."`
	Tokens   int           `placeholder:"N" help:"Tokens that they share; by itself each has its own."`
	Rate     int           `default:"100" help:"Events to publish a second (${default})."`
	Fanout   int           `placeholder:"N" help:"Tokens that each event is for (10, or as many as there are)."`
	Duration time.Duration `default:"10s" help:"How long to publish (${default})."`
	Plot     string        `placeholder:"FILE" type:"path" help:"Draw the result as SVG."`
	JSON     bool          `name:"json" help:"Print the result as JSON."`
	Yes      bool          `help:"Do it to a server that is not on this machine."`
	Key      string        `env:"NOTIFIER_KEY" placeholder:"KEY" help:"A publisher's key, if the server asks for one; better in NOTIFIER_KEY."`

	JWTKey      config.Secret `name:"jwt-key" env:"NOTIFIER_JWT_KEY" placeholder:"KEY|@FILE" help:"What signs subscribers' JWTs, if the server asks for them."`
	JWTIssuer   string        `name:"jwt-issuer" env:"NOTIFIER_JWT_ISSUER" placeholder:"ISS" help:"Their issuer."`
	JWTAudience string        `name:"jwt-audience" env:"NOTIFIER_JWT_AUDIENCE" placeholder:"AUD" help:"Their audience."`
	JWTClaim    string        `name:"jwt-claim" env:"NOTIFIER_JWT_CLAIM" default:"sub" placeholder:"CLAIM" help:"Their claim for the token (${default})."`
}

// Help is shown by bench --help.
func (c *benchCmd) Help() string {
	return `Example:

    notifier bench --streams 50 --duration 1s

It opens streams, publishes to them, and counts what is lost, doubled, misrouted, and how late. Its tokens begin with notifier-bench-; other streams get nothing. It ends with 1 if anything was not as it should be.`
}

func (c *benchCmd) Run(ctx context.Context, out io.Writer) error {
	base, err := c.check()
	if err != nil {
		return err
	}
	cfg := loadtest.Config{
		URL: base, Key: c.Key, Streams: c.Streams, Tokens: c.tokens(),
		Rate: c.Rate, Fanout: cmp.Or(c.Fanout, min(10, c.tokens())), Duration: c.Duration,
	}
	if c.JWTKey != "" {
		cfg.Credential = c.credential
	}
	result, err := loadtest.Run(ctx, cfg, c.progress())
	if err != nil {
		return err
	}
	if err := c.report(out, result); err != nil {
		return err
	}
	if !result.Sound() {
		return errors.New("not everything arrived once, and only where it should")
	}
	return nil
}

func (c *benchCmd) check() (*url.URL, error) {
	base, err := c.URL.endpoint("")
	switch {
	case err != nil:
		return nil, err
	case c.Streams < 1 || c.Rate < 1 || float64(c.Rate)*c.Duration.Seconds() < 1:
		return nil, usageError{errors.New("--streams and --rate must be 1 or more, and --duration long enough for an event")}
	case c.Tokens < 0 || c.Tokens > c.Streams:
		return nil, usageError{errors.New("--tokens must not be negative, nor more than --streams")}
	case c.Fanout < 0 || c.Fanout > c.tokens():
		return nil, usageError{errors.New("--fanout must not be negative, nor more than there are tokens")}
	case !c.Yes && !local(base.Hostname()):
		return nil, usageError{fmt.Errorf("%s is not this machine: with --yes it gets %d connections and %d events a second",
			base.Host, c.Streams, c.Rate)}
	}
	return base, nil
}

// tokens is how many there are.
func (c *benchCmd) tokens() int { return cmp.Or(c.Tokens, c.Streams) }

// local reports whether a host is this machine by its name alone.
func local(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// credential is a JWT that is good for longer than the test.
func (c *benchCmd) credential(token string) (string, error) {
	var made strings.Builder
	err := (&tokenCmd{
		Sub: token, TTL: c.Duration + time.Hour,
		JWTKey: c.JWTKey, JWTIssuer: c.JWTIssuer, JWTAudience: c.JWTAudience, JWTClaim: c.JWTClaim,
	}).Run(&made)
	return strings.TrimSpace(made.String()), err
}

// progress is a line on a terminal that is written over and over, and nothing
// elsewhere.
func (c *benchCmd) progress() func(loadtest.Progress) {
	if info, err := os.Stderr.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func(loadtest.Progress) {}
	}
	const width = 30
	return func(p loadtest.Progress) {
		part := float64(p.Open) / float64(c.Streams)
		what := fmt.Sprintf("opening: %d of %d streams", p.Open, c.Streams)
		if p.Published > 0 {
			part = float64(p.Published) / float64(c.Duration)
			what = fmt.Sprintf("publishing: %.0f of %.0f s, %d delivered", p.Published.Seconds(), c.Duration.Seconds(), p.Delivered)
		}
		full := int(part * width)
		fmt.Fprintf(os.Stderr, "\r%s%s %s\x1b[K", strings.Repeat("█", full), strings.Repeat("░", width-full), what)
		if part == 1 {
			fmt.Fprint(os.Stderr, "\r\x1b[K") // what follows is the result
		}
	}
}

func (c *benchCmd) report(out io.Writer, result *loadtest.Result) error {
	if c.Plot != "" {
		f, err := os.Create(c.Plot)
		if err != nil {
			return err
		}
		if err := errors.Join(result.WriteSVG(f), f.Close()); err != nil {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(out).Encode(result)
	}
	return result.WriteText(out)
}
