package node

import (
	"fmt"
	"io"
	"net/http"

	"notifier/journal"
)

// live answers that the process runs.
func (n *Node) live(w http.ResponseWriter, _ *http.Request) error {
	return text(w, http.StatusOK, "ok\n")
}

// ready answers whether a load balancer should send clients here, and why not.
func (n *Node) ready(w http.ResponseWriter, _ *http.Request) error {
	if why := n.unready(); why != "" {
		return text(w, http.StatusServiceUnavailable, why+"\n")
	}
	return text(w, http.StatusOK, "ready\n")
}

// unready is why no clients should be sent here, "" if they should. It may take
// until a probe has come through, or has not.
func (n *Node) unready() string {
	if n.draining.Load() {
		return "draining"
	}
	if most := int(n.maxStreams.Load()); most > 0 && n.hub.Total() >= most {
		return "full: as many streams as max-streams or the limit of open files allows"
	}
	if h, ok := n.journal.(journal.Healthy); ok {
		if err := h.Health(); err != nil {
			return fmt.Sprintf("the journal takes no events: %v", err)
		}
	}
	if err := n.prober.ask(); err != nil {
		return err.Error()
	}
	return ""
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
