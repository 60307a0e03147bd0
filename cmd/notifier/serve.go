package main

import (
	"context"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"syscall"

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

Each setting can also be in the environment, as NOTIFIER_BASE_PATH, or in the file, as base-path: /ws. A flag goes first, the file last. SIGHUP has the server read the file again.`
}

func (c *serveCmd) Run(ctx context.Context) error {
	garbage := newCollecting()         // before anything makes some
	hangups := make(chan os.Signal, 1) // one that comes while the last is dealt with is enough
	signal.Notify(hangups, syscall.SIGHUP)
	log := newLogger(c.LogFormat)
	n, err := node.New(c.Config, log)
	if err != nil {
		return err
	}
	garbage.follow(n.Streams)
	go func() {
		for range hangups {
			tellSystemd(daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec(), log)
			reload(n, log)
			tellSystemd(daemon.SdNotifyReady, log)
		}
	}()
	tellSystemd(daemon.SdNotifyReady, log) // it listens: who comes now is served
	return n.Run(toldWhenDone(ctx, log))
}

// reload reads the settings from where they were read at the start. A mistake in
// them leaves everything as it was.
func reload(n *node.Node, log *slog.Logger) {
	c, _, err := parse(os.Args[1:])
	if err == nil {
		err = n.Reload(c.Serve.Config)
	}
	if err != nil {
		log.Error("the settings stay as they were", "err", err)
	}
}

// newLogger returns a logger that leaves nothing out: the node does, at a level that
// can be changed while it runs.
func newLogger(format string) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.Level(math.MinInt)}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
