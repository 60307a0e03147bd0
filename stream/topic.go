package stream

import (
	"slices"
	"strings"
)

// A topic is a token with open streams, or the several tokens of one subscriber,
// and the events that not all of them have been handed yet. It holds every event
// of its tokens after from: first in pending, where the journal's follower puts
// them, then in tail, where the worker reads them.
type topic struct {
	shard *shard
	name  string // the tokens, joined by separator

	// guarded by shard.mu
	open         int // streams registered
	revoked      int // how often Revoke has been called
	pending      []entry
	pendingBytes int
	lost         uint64 // up to here pending was given up: streams read it from the journal
	dirty        bool   // on the shard's list

	// guarded by shard.work
	streams   []*stream
	behind    int // streams among them that are not live
	tail      []entry
	tailBytes int
	from      uint64
}

// An entry is an event on its way to the streams of a topic.
type entry struct {
	seq   uint64
	frame frame
}

// What a topic holds at most for streams that are behind, and for a worker that
// is: enough to make a hiccup cheap, little enough to forget about. Whoever needs
// more reads the journal.
const (
	maxTail         = 256
	maxTailBytes    = 256 << 10
	maxPending      = 1024
	maxPendingBytes = 1 << 20
)

// separator is in no token, which has no control characters.
const separator = "\x00"

func (t *topic) isJoint() bool { return strings.Contains(t.name, separator) }

func (t *topic) tokens() []string { return strings.Split(t.name, separator) }

// own is the subscriber's own token.
func (t *topic) own() string {
	own, _, _ := strings.Cut(t.name, separator)
	return own
}

func (t *topic) has(token string) bool {
	return t.name == token || t.isJoint() && slices.Contains(t.tokens(), token)
}

// holds reports whether the last event of pending is the one given; shard.mu is
// held.
func (t *topic) holds(seq uint64) bool {
	n := len(t.pending)
	return n > 0 && t.pending[n-1].seq == seq
}

// push adds an event; shard.mu is held.
func (t *topic) push(e entry) {
	if len(t.pending) >= maxPending || t.pendingBytes+e.frame.size() > maxPendingBytes && len(t.pending) > 0 {
		t.lost = t.pending[len(t.pending)-1].seq
		clear(t.pending)
		t.pending, t.pendingBytes = t.pending[:0], 0
	}
	t.pending = append(t.pending, e)
	t.pendingBytes += e.frame.size()
}

// absorb moves what is pending into the tail; both locks of the shard are held.
func (t *topic) absorb() {
	if t.lost > 0 {
		t.forget(t.lost)
		t.lost = 0
	}
	t.tail = append(t.tail, t.pending...)
	t.tailBytes += t.pendingBytes
	clear(t.pending)
	t.pending, t.pendingBytes = t.pending[:0], 0
	if cap(t.pending) > 16 {
		t.pending = nil
	}
}

// after returns the events of the tail after a position that is not before from.
func (t *topic) after(pos uint64) []entry {
	i := len(t.tail)
	for i > 0 && t.tail[i-1].seq > pos {
		i--
	}
	return t.tail[i:]
}

// trim forgets what no stream will read from the tail.
func (t *topic) trim() {
	if len(t.tail) == 0 {
		return
	}
	if t.behind == 0 {
		t.forget(t.tail[len(t.tail)-1].seq)
		return
	}
	i := 0
	for ; len(t.tail)-i > maxTail || t.tailBytes > maxTailBytes; i++ {
		t.tailBytes -= t.tail[i].frame.size()
		t.from = t.tail[i].seq
	}
	if i > 0 {
		n := copy(t.tail, t.tail[i:])
		clear(t.tail[n:])
		t.tail = t.tail[:n]
	}
}

// forget empties the tail: it holds every event after seq, and there are none.
func (t *topic) forget(seq uint64) {
	clear(t.tail)
	t.tail, t.tailBytes, t.from = t.tail[:0], 0, seq
	if cap(t.tail) > 16 {
		t.tail = nil // a burst must not make an idle topic expensive
	}
}
