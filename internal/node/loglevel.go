package node

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"notifier"
	"notifier/internal/config"
)

// A leveled handler leaves out what is below a level that can be changed at run time.
type leveled struct {
	slog.Handler
	level *slog.LevelVar
}

// withLevel returns a logger that leaves out what is below a level, and that level.
// A logger that has one keeps it.
func withLevel(log *slog.Logger, at slog.Level) (*slog.Logger, *slog.LevelVar) {
	if h, ok := log.Handler().(leveled); ok {
		return log, h.level
	}
	h := leveled{log.Handler(), new(slog.LevelVar)}
	h.level.Set(at)
	return slog.New(h), h.level
}

func (h leveled) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level.Level() && h.Handler.Enabled(ctx, l)
}

func (h leveled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return leveled{h.Handler.WithAttrs(attrs), h.level}
}

func (h leveled) WithGroup(name string) slog.Handler {
	return leveled{h.Handler.WithGroup(name), h.level}
}

// reloadLogLevel also takes back what was set at /log-level.
func (n *Node) reloadLogLevel(cfg config.Config) (apply func(), err error) {
	return func() { n.level.Set(cfg.LogLevel) }, nil
}

// logLevel answers GET /log-level.
func (n *Node) logLevel(w http.ResponseWriter, _ *http.Request) error {
	return text(w, http.StatusOK, strings.ToLower(n.level.Level().String())+"\n")
}

// setLogLevel answers PUT /log-level, whose body is a level.
func (n *Node) setLogLevel(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64))
	var l slog.Level
	if err != nil || l.UnmarshalText([]byte(strings.TrimSpace(string(body)))) != nil {
		return notifier.BadField("", "the body must be debug, info, warn or error")
	}
	n.level.Set(l)
	n.log.Log(r.Context(), l, "the log level was set", "level", l)
	return n.logLevel(w, r)
}
