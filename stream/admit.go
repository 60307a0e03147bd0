package stream

import (
	"errors"
	"slices"
	"strings"

	"notifier"
)

// errFull: the server as a whole has as many streams as it may have.
var errFull = errors.New("server full")

// Limit replaces Config.PerToken and Config.MaxStreams. Streams that are open stay so.
// It may be called concurrently.
func (h *Hub) Limit(perToken, maxStreams int) {
	h.perToken.Store(int64(perToken))
	h.maxStreams.Store(int64(maxStreams))
}

// admit registers a stream of the keys given, the first of which is the
// subscriber's own. Errors are errFull and notifier.ErrTooManyStreams.
func (h *Hub) admit(st *stream, keys []string) error {
	if n, limit := h.streams.Add(1), h.maxStreams.Load(); limit > 0 && n > limit {
		h.streams.Add(-1)
		return errFull
	}
	own, err := h.register(st, keys)
	if err != nil {
		h.streams.Add(-1)
		return err
	}
	if own == 0 {
		h.changed(keys[0])
	}
	return nil
}

// register returns how many streams the subscriber's own key had before. Only that
// key is limited: others may be those of a whole group.
func (h *Hub) register(st *stream, keys []string) (own int, err error) {
	h.admission.Lock()
	defer h.admission.Unlock()
	own = h.Count(keys[0])
	if limit := h.perToken.Load(); limit > 0 && own >= int(limit) {
		return own, notifier.ErrTooManyStreams
	}
	st.id = h.serial.Add(1)
	name := strings.Join(keys, separator)
	h.shard(name).register(st, name)
	return own, nil
}

// leave is the reverse of admit.
func (h *Hub) leave(st *stream) {
	st.released()
	if h.streams.Add(-1) == 0 {
		select {
		case h.idle <- struct{}{}:
		default:
		}
	}
	if last := st.topic.shard.leave(st.topic); last && h.cfg.Changed != nil {
		if own := st.topic.own(); h.Count(own) == 0 {
			h.changed(own)
		}
	}
}

// released says that a stream is over which [Config.Admit] has counted.
func (st *stream) released() {
	if st.release != nil {
		st.release()
	}
}

func (h *Hub) changed(token string) {
	if h.cfg.Changed != nil {
		h.cfg.Changed(token)
	}
}

// register gives a stream its topic, which it reads from here on: what the topic no
// longer holds when the worker takes the stream in, it finds in the journal.
func (s *shard) register(st *stream, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[name]
	if t == nil {
		// A copy: the token may be a part of a whole request line.
		t = &topic{shard: s, name: strings.Clone(name), from: s.followed}
		s.topics[t.name] = t
		s.index(t)
	}
	t.open++
	st.topic, st.revoked = t, t.revoked
	st.pos, st.live = s.followed, s.followed
}

// leave is the reverse of register. last says that the topic is no more.
func (s *shard) leave(t *topic) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.open--; t.open > 0 {
		return false
	}
	delete(s.topics, t.name)
	s.unindex(t)
	return true
}

// index notes under each of its tokens a topic that has several.
func (s *shard) index(t *topic) {
	if !t.isJoint() {
		return
	}
	for _, token := range t.tokens() {
		s.joint[token] = append(s.joint[token], t)
	}
}

func (s *shard) unindex(t *topic) {
	if !t.isJoint() {
		return
	}
	for _, token := range t.tokens() {
		rest := slices.DeleteFunc(s.joint[token], func(other *topic) bool { return other == t })
		if s.joint[token] = rest; len(rest) == 0 {
			delete(s.joint, token)
		}
	}
}

// of returns the shard's topics that a token belongs to; mu is held.
func (s *shard) of(token string) []*topic {
	if t := s.topics[token]; t != nil {
		return append([]*topic{t}, s.joint[token]...)
	}
	return s.joint[token]
}

// Revoke ends the open streams of a token and returns how many there were.
func (h *Hub) Revoke(token string) (closed int) {
	for _, s := range h.shards {
		closed += s.revoke(token)
	}
	return closed
}

// revoke closes every stream of a token that is registered by now, and returns how
// many those are. The ones that the worker has not yet taken in find it out then.
func (s *shard) revoke(token string) (closed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.of(token) {
		t.revoked++
		closed += t.open
		s.mail = append(s.mail, func() { s.closeTopic(t, Revoked) })
		s.ring()
	}
	return closed
}

func (s *shard) isRevoked(st *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return st.revoked != st.topic.revoked
}
