package main

import (
	"context"
	"log/slog"

	"github.com/coreos/go-systemd/v22/daemon"
)

// tellSystemd says how the server is, if systemd has started it and waits to be
// told; a unit then is "active" when clients are served, not before. Elsewhere it
// does nothing.
func tellSystemd(state string, log *slog.Logger) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("systemd cannot be told", "state", state, "err", err)
	}
}

// toldWhenDone ends once ctx has ended and systemd knows that the server stops.
func toldWhenDone(ctx context.Context, log *slog.Logger) context.Context {
	told, done := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		tellSystemd(daemon.SdNotifyStopping, log)
		done()
	})
	return told
}
