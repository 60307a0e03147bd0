package node

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"notifier"
	"notifier/ingest"
	"notifier/internal/config"
	"notifier/internal/problem"
)

// An accessLog has a line for each request, or for those that publish. A line never
// holds a query, a header or a token, nor a path or a method that is none of ours:
// clients write secrets into all of them.
type accessLog struct {
	log    *slog.Logger
	client func(*http.Request) netip.Addr
	mode   atomic.Pointer[string] // of the setting

	mu     sync.Mutex
	second time.Time // that lines are counted in
	lines  int       // of it
	left   int       // lines that were not written, and nobody was told of
}

// maxLines is how many lines are written in a second. Writing more would cost more
// than the requests.
const maxLines = 1000

func newAccessLog(mode string, log *slog.Logger, client func(*http.Request) netip.Addr) *accessLog {
	a := &accessLog{log: log, client: client}
	a.mode.Store(&mode)
	return a
}

// reloadAccessLog is a [reload].
func (n *Node) reloadAccessLog(cfg config.Config) (apply func(), err error) {
	return func() { n.access.mode.Store(&cfg.AccessLog) }, nil
}

// A publishHandler is a [publisherHandler] that says what it took.
type publishHandler func(http.ResponseWriter, *http.Request, *notifier.Publisher) (ingest.Receipt, error)

// publishes is a handler with a line for each request. admit finds out who it is from.
func (a *accessLog) publishes(path string, admit func(*http.Request) (*notifier.Publisher, error), f publishHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		start, receipt := time.Now(), ingest.Receipt{}
		who, err := admit(r)
		if err == nil {
			receipt, err = f(w, r, who)
		}
		if *a.mode.Load() != "off" {
			a.line("publish", r, path, statusOf(err), time.Since(start), published(who, receipt)...)
		}
		return err
	}
}

// published is what is told of a publication. who is nil if nobody was admitted.
func published(who *notifier.Publisher, receipt ingest.Receipt) (attrs []slog.Attr) {
	if who != nil && who.Name != "" {
		attrs = append(attrs, slog.String("publisher", who.Name))
	}
	if receipt.Bytes > 0 {
		attrs = append(attrs, slog.Int("tokens", receipt.Tokens), slog.String("id", receipt.ID.String()), slog.Int("bytes", receipt.Bytes))
	}
	if receipt.Publications+receipt.Refused > 1 {
		attrs = append(attrs, slog.Int("publications", receipt.Publications), slog.Int("refused", receipt.Refused))
	}
	return attrs
}

// others is a handler with a line for each request, if all are wanted. A stream's
// line comes when it begins, or over HTTP/2 when it ends.
func (a *accessLog) others(path string, f handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if *a.mode.Load() != "all" {
			return f(w, r)
		}
		start := time.Now()
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		err := f(seen, r)
		if err != nil {
			seen.status = statusOf(err)
		}
		a.line("request", r, path, seen.status, time.Since(start))
		return err
	}
}

// line writes a line unless there are too many.
func (a *accessLog) line(what string, r *http.Request, path string, status int, took time.Duration, more ...slog.Attr) {
	if !a.log.Enabled(context.Background(), slog.LevelInfo) || !a.count() {
		return
	}
	attrs := append([]slog.Attr{
		slog.String("method", known(r.Method)), slog.String("path", path), slog.Int("status", status),
		slog.Duration("took", took), slog.String("remote", a.client(r).String()),
	}, more...)
	a.log.LogAttrs(context.Background(), slog.LevelInfo, what, attrs...)
}

// count counts a line and reports whether it is to be written. How many were not is
// said once a second.
func (a *accessLog) count() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.Sub(a.second) >= time.Second {
		a.second, a.lines = now, 0
	}
	if a.lines++; a.lines <= maxLines {
		return true
	}
	a.leave()
	return false
}

// leaveOut counts a line that is not written for another reason.
func (a *accessLog) leaveOut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.leave()
}

// leave is called with mu held.
func (a *accessLog) leave() {
	if a.left++; a.left == 1 {
		time.AfterFunc(time.Second, a.tell)
	}
}

func (a *accessLog) tell() {
	a.mu.Lock()
	left := a.left
	a.left = 0
	a.mu.Unlock()
	a.log.Warn("the access log left out lines", "lines", left)
}

// known is a method, if it is one that a route could have.
func known(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

func statusOf(err error) int {
	if err == nil {
		return http.StatusOK
	}
	return problem.Of(err).Status
}

// A statusWriter remembers the status that was written.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
