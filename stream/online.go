package stream

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"notifier"
)

// Total is the number of open streams.
func (h *Hub) Total() int { return int(h.streams.Load()) }

// Count is the number of open streams of a token.
func (h *Hub) Count(token string) (n int) {
	home := h.shard(token)
	for _, s := range h.shards {
		s.mu.Lock()
		if s == home {
			if t := s.topics[token]; t != nil {
				n += t.open
			}
		}
		for _, t := range s.joint[token] {
			n += t.open
		}
		s.mu.Unlock()
	}
	return n
}

// Counts is Count for several tokens, in their order.
func (h *Hub) Counts(tokens []string) []int {
	counts := make([]int, len(tokens))
	for i, t := range tokens {
		counts[i] = h.Count(t)
	}
	return counts
}

// Online is a token that has open streams.
type Online struct {
	Token   string
	Streams int
}

// Online returns the tokens with open streams that begin with prefix and sort after
// a given one, in order, at most limit of them; and how many begin so in all, and
// how many streams those have. It looks at every token: it is for people, not for a
// hot path.
func (h *Hub) Online(prefix, after string, limit int) (page []Online, tokens, streams int) {
	counts := map[string]int{}
	for _, s := range h.shards {
		s.mu.Lock()
		for _, t := range s.topics {
			begins := false
			for _, token := range t.tokens() {
				if strings.HasPrefix(token, prefix) {
					counts[token] += t.open
					begins = true
				}
			}
			if begins {
				streams += t.open
			}
		}
		s.mu.Unlock()
	}
	for token, n := range counts {
		if token > after {
			page = append(page, Online{token, n})
		}
	}
	slices.SortFunc(page, func(a, b Online) int { return cmp.Compare(a.Token, b.Token) })
	return page[:min(limit, len(page))], len(counts), streams
}

// Info is what there is to know about one open stream.
type Info struct {
	// ID names the stream among those of this process.
	ID string
	// Address is where its connection comes from: a client, or a proxy.
	Address string
	Age     time.Duration
	// State is "live", "catching up" (it reads the journal) or "blocked" (its
	// client does not read).
	State string
	// Position is the last event that it was handed.
	Position notifier.ID
	// Waiting is how many events are known to wait for it. One that catches up may
	// have any number of others to read.
	Waiting int
	// Events and Bytes are what it was handed.
	Events, Bytes uint64
}

// Streams describes the open streams of a token, the oldest first. It stops each
// worker for a moment: it is for people.
func (h *Hub) Streams(token string) (all []Info) {
	h.visit(token, func(_ *shard, st *stream) { all = append(all, st.info()) })
	slices.SortFunc(all, func(a, b Info) int { return cmp.Compare(b.Age, a.Age) })
	return all
}

// CloseStream ends one stream of a token, named as in [Info], and reports whether
// there was one.
func (h *Hub) CloseStream(token, id string) (found bool) {
	h.visit(token, func(s *shard, st *stream) {
		if st.name() == id {
			s.close(st, Revoked)
			found = true
		}
	})
	return found
}

// visit calls f for the open streams of a token, with the work of their shard held.
func (h *Hub) visit(token string, f func(*shard, *stream)) {
	for _, s := range h.shards {
		s.work.Lock()
		s.round() // takes in those that have just been opened
		s.mu.Lock()
		topics := slices.Clone(s.of(token))
		s.mu.Unlock()
		for _, t := range topics {
			for i := len(t.streams) - 1; i >= 0; i-- {
				f(s, t.streams[i])
			}
		}
		s.work.Unlock()
	}
}

func (st *stream) name() string { return strconv.FormatUint(st.id, 36) }

func (st *stream) info() Info {
	s := st.topic.shard
	i := Info{
		ID:       st.name(),
		Address:  st.sink.address(),
		Age:      s.now - st.began,
		State:    st.state.String(),
		Position: s.hub.origin.At(st.pos),
		Events:   st.events,
		Bytes:    st.bytes,
	}
	if st.state != catching {
		i.Waiting = len(st.topic.after(st.pos))
	}
	return i
}
