package node

import (
	"maps"
	"sync"

	"notifier/internal/problem"
)

// refusals counts what was refused, by the reason: the name of a setting, or one of
// the few other words that problems have.
type refusals struct {
	mu     sync.Mutex
	counts map[string]uint64
}

func (c *refusals) add(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]uint64{}
	}
	c.counts[reason]++
}

// Snapshot is how often each reason came up since the start. It is the caller's.
func (c *refusals) Snapshot() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// refused counts an error that a request, or a line of a batch, is answered with.
func (n *Node) refused(err error) { n.refusals.add(problem.Of(err).Reason) }
