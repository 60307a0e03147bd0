package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/coreos/go-systemd/v22/daemon"

	"notifier/internal/config"
	"notifier/internal/node"
)

type serveCmd struct {
	config.Config `embed:""`
}

// Help is shown by serve --help, between what it does and the flags.
func (c *serveCmd) Help() string {
	return `Example:

    notifier serve --base-path /ws --heartbeat 30s

Each setting can also be in the environment, as NOTIFIER_BASE_PATH, or in the file, as base-path: /ws. A flag goes first, the file last.`
}

func (c *serveCmd) Run(ctx context.Context) error {
	log := newLogger(c.LogFormat, c.LogLevel)
	n, err := node.New(c.Config, log)
	if err != nil {
		return err
	}
	tellSystemd(daemon.SdNotifyReady, log) // it listens: who comes now is served
	return n.Run(toldWhenDone(ctx, log))
}

func newLogger(format string, level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
