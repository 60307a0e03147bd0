package node

import (
	"net/http"
	"runtime/debug"

	"notifier"
	"notifier/internal/problem"
	"notifier/internal/tracing"
	"notifier/journal"
)

func (n *Node) openTracer() (err error) {
	if n.cfg.OTLPURL == "" {
		return nil
	}
	c := tracing.Config{
		URL:    n.cfg.OTLPURL,
		Ratio:  n.cfg.TraceRatio,
		Status: func(err error) int { return problem.Of(err).Status },
		Log:    n.log,
	}
	if b, ok := debug.ReadBuildInfo(); ok {
		c.Version = b.Main.Version
	}
	if n.tracer, err = tracing.Open(c); err != nil {
		return err
	}
	n.opened = append(n.opened, n.tracer)
	return nil
}

// observed counts what publishers ask for on a route, and traces it.
func (n *Node) observed(path string, f handler) handler {
	return n.tracer.Handler(http.MethodPost, path, n.results.handler(f))
}

// A followed log has its follower traced.
type followed struct {
	journal.Log
	tracer *tracing.Tracer
}

func (l followed) Follow(tell func([]notifier.Delivery)) { l.Log.Follow(l.tracer.Follow(tell)) }
