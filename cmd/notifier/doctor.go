package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"notifier/internal/doctor"
)

type doctorCmd struct {
	URL    server        `arg:"" optional:"" env:"NOTIFIER_URL" default:"http://127.0.0.1:4001" help:"Server, with its base path, as its clients know it (${default})."`
	Token  string        `env:"NOTIFIER_TOKEN" placeholder:"TOKEN" help:"A subscriber's credential, if the server asks for one."`
	To     string        `placeholder:"TOKEN" help:"Token that this subscriber reads, if it is not in the credential."`
	Key    string        `env:"NOTIFIER_KEY" placeholder:"KEY" help:"A publisher's key, if the server asks for one; better in NOTIFIER_KEY."`
	Origin string        `placeholder:"ORIGIN" help:"Origin of pages that read the streams: looks at CORS too."`
	Wait   time.Duration `default:"5s" help:"How long to wait for what should come at once."`
	Idle   time.Duration `default:"20s" help:"How long to stay on a silent stream; 130s outlasts every usual timeout."`
	JSON   bool          `name:"json" help:"Print one JSON object a line: check, level, text, advice."`
}

// Help is shown by doctor --help.
func (c *doctorCmd) Help() string {
	return `Example:

    notifier doctor --idle 2s

Name the server as browsers do: notifier doctor https://example.com/ws. It connects as browsers do, through whatever stands in front of the server, and says what that does to streams. It ends with 1 if there is a problem; warnings are none. Events that it publishes are named doctor, and are not kept.`
}

func (c *doctorCmd) Run(ctx context.Context, out io.Writer) error {
	base, err := c.URL.endpoint("")
	if err != nil {
		return err
	}
	if c.Wait <= 0 || c.Idle <= 0 {
		return usageError{errors.New("--wait and --idle must be longer than 0")}
	}
	ill := false
	doctor.Examine(ctx, doctor.Config{
		URL: base, Token: c.Token, To: c.To, Key: c.Key, Origin: c.Origin, Wait: c.Wait, Idle: c.Idle,
	}, func(f doctor.Finding) {
		ill = ill || f.Level == doctor.Problem
		if c.JSON {
			err = errors.Join(err, json.NewEncoder(out).Encode(f))
		} else {
			err = errors.Join(err, doctor.WriteText(out, f))
		}
	})
	if err == nil && ill {
		err = errors.New("there are problems")
	}
	return err
}
