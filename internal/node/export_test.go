package node

// Refusals is what was refused, by reason.
func (n *Node) Refusals() map[string]uint64 { return n.refusals.Snapshot() }
