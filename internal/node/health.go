package node

import (
	"fmt"
	"io"
	"net/http"

	"notifier"
	"notifier/journal"
)

// live answers that the process runs.
func (n *Node) live(w http.ResponseWriter, _ *http.Request) error {
	return text(w, http.StatusOK, "ok\n")
}

// ready answers whether a load balancer should send clients here, and why not.
func (n *Node) ready(w http.ResponseWriter, r *http.Request) error {
	if n.draining.Load() {
		return text(w, http.StatusServiceUnavailable, "draining\n")
	}
	if n.maxStreams > 0 && n.hub.Total() >= n.maxStreams {
		return text(w, http.StatusServiceUnavailable, "full: as many streams as max-streams or the limit of open files allows\n")
	}
	if h, ok := n.journal.(journal.Healthy); ok {
		if err := h.Health(); err != nil {
			return text(w, http.StatusServiceUnavailable, fmt.Sprintf("the journal takes no events: %v\n", err))
		}
	}
	if _, err := n.journal.Replay(r.Context(), notifier.Query{Limit: 1}); err != nil {
		return text(w, http.StatusServiceUnavailable, fmt.Sprintf("the journal cannot be read: %v\n", err))
	}
	return text(w, http.StatusOK, "ready\n")
}

// hello is what the old server answered to a browser that looked at its API.
func (n *Node) hello(w http.ResponseWriter, _ *http.Request) error {
	return text(w, http.StatusOK, ".")
}

func text(w http.ResponseWriter, status int, s string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, s) // an error means that the client is gone
	return nil
}
