package node

import (
	"net/http"

	"notifier/internal/metrics"
	"notifier/journal"
)

// metrics answers GET /metrics.
func (n *Node) metrics() http.Handler {
	return metrics.Handler(n.snapshot, n.log)
}

func (n *Node) snapshot() metrics.Snapshot {
	s := metrics.Snapshot{
		Streams:    n.hub.Stats(),
		Publishes:  n.results.read(),
		Refusals:   n.refusals.Snapshot(),
		MaxStreams: int(n.maxStreams.Load()),
		Ready:      n.unready() == "",
	}
	if m, ok := n.journal.(journal.Measured); ok {
		s.Journal = m.Metrics()
	}
	return s
}
