package node

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"notifier/stream"
)

// ends are the lines of streams that have ended: in the access log, if that has all
// requests, and else for those who debug. Whoever ends a stream delivers events and
// must not wait for a log, so somebody else writes them; what he has not yet written
// is bounded, and the rest left out.
type ends struct {
	access *accessLog
	queue  chan stream.End
	done   chan struct{} // closed when there is nobody to write
	start  sync.Once     // with the first line: a node that never runs has nobody
}

func newEnds(a *accessLog) *ends {
	return &ends{access: a, queue: make(chan stream.End, maxLines), done: make(chan struct{})}
}

// add is called by the hub.
func (e *ends) add(end stream.End) {
	if !e.access.log.Enabled(context.Background(), e.level()) || !e.access.count() {
		return
	}
	e.start.Do(func() { go e.run() })
	select {
	case e.queue <- end:
	default:
		e.access.leaveOut()
	}
}

func (e *ends) level() slog.Level {
	if *e.access.mode.Load() == "all" {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

func (e *ends) run() {
	defer close(e.done)
	for end := range e.queue {
		e.access.log.LogAttrs(context.Background(), e.level(), "stream ended",
			slog.String("reason", string(end.Reason)), slog.Duration("duration", end.Duration.Round(time.Millisecond)),
			slog.Uint64("events", end.Events), slog.Uint64("bytes", end.Bytes))
	}
}

// Close returns when every line is written. The hub must have been stopped.
func (e *ends) Close() error {
	close(e.queue)
	e.start.Do(func() { close(e.done) })
	<-e.done
	return nil
}
