package node

import "net/http"

// Refusals is what was refused, by reason.
func (n *Node) Refusals() map[string]uint64 { return n.refusals.Snapshot() }

// Routes is what the main listener serves.
func (n *Node) Routes() http.Handler {
	all, _ := n.routes()
	return n.hurried(all)
}
