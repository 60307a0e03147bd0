package main

import (
	"errors"
	"fmt"
	"io"

	"notifier/internal/config"
)

type checkConfigCmd struct {
	File string `arg:"" optional:"" help:"YAML file of settings; without one, that of NOTIFIER_CONFIG."`
}

// Help is shown by check-config --help.
func (*checkConfigCmd) Help() string {
	return `Example:

    notifier check-config notifier.yaml

A mistake is a line: file, line, key, and what to write instead. The environment is looked at as well, as the server would. The exit code is 1 if there is any.`
}

func (c *checkConfigCmd) Run(out io.Writer) error {
	args := []string{"serve"}
	if c.File != "" {
		args = append(args, "--config="+c.File)
	}
	_, _, err := parse(args)
	mistakes, ok := errors.AsType[config.Mistakes](err)
	if err != nil && !ok {
		return err
	}
	for _, m := range mistakes {
		fmt.Fprintln(out, m)
	}
	switch len(mistakes) {
	case 0:
		fmt.Fprintln(out, "ok")
		return nil
	case 1:
		return errors.New("1 mistake")
	}
	return fmt.Errorf("%d mistakes", len(mistakes))
}

type configCmd struct {
	Flags []string `arg:"" optional:"" passthrough:"" placeholder:"FLAG" help:"Flags of serve."`
}

// Help is shown by config --help.
func (*configCmd) Help() string {
	return `Example:

    notifier config --heartbeat 30s

What is printed is a file of settings again. Secrets are left out of it.`
}

func (c *configCmd) Run(out io.Writer) error {
	all, _, err := parse(append([]string{"serve"}, c.Flags...))
	if err != nil {
		return usageError{err}
	}
	return all.Serve.Config.Write(out)
}
