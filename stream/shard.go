package stream

import (
	"strings"
	"sync"
	"time"

	"notifier"
)

// A shard owns the topics whose tokens hash to it, and all their streams. Whoever
// holds work does everything to them, so that streams need no locks of their own:
// the shard's worker, or a publisher that finds nobody at work and has little to do.
// Others leave events in topics and requests in the mail.
type shard struct {
	hub  *Hub
	wake chan struct{} // one slot: a wake-up is never waited for

	mu       sync.Mutex
	topics   map[string]*topic
	followed uint64 // every event up to here has been put into the topics of its time
	dirty    []*topic
	reach    int // streams of the dirty topics
	mail     []func()

	work sync.Mutex // taken before mu

	// guarded by work
	now    time.Duration // since hub.start
	todo   []*topic      // dirty of this round
	calls  []func()      // mail of this round
	wheel  wheel
	batch  []byte // several frames for one write
	writer *rawWriter
}

func newShard(h *Hub) *shard {
	return &shard{
		hub:      h,
		wake:     make(chan struct{}, 1),
		topics:   map[string]*topic{},
		followed: h.origin.Seq,
		writer:   newRawWriter(),
	}
}

// ring wakes the worker.
func (s *shard) ring() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// do has the worker call f.
func (s *shard) do(f func()) {
	s.mu.Lock()
	s.mail = append(s.mail, f)
	s.mu.Unlock()
	s.ring()
}

// tell puts a batch into the topics it is for. frames are the batch's, encoded by
// the first shard that needs them.
func (s *shard) tell(batch []notifier.Delivery, frames []frame) {
	s.mu.Lock()
	for i := range batch {
		d := &batch[i]
		if d.All {
			for token, t := range s.topics {
				if token != d.Except {
					s.push(t, d, &frames[i])
				}
			}
			continue
		}
		for _, token := range d.Tokens { // those of other shards are not found here
			if t := s.topics[token]; t != nil {
				s.push(t, d, &frames[i])
			}
		}
	}
	s.followed = batch[len(batch)-1].Event.ID.Seq
	ring, small := len(s.dirty) > 0, len(batch) == 1 && s.reach <= atOnce
	s.mu.Unlock()
	switch {
	case !ring:
	case small && s.work.TryLock():
		s.round()
		s.work.Unlock()
	default:
		s.ring()
	}
}

// atOnce is to how many streams the journal's follower writes an event itself:
// waking the worker would take longer, and the next batch is not yet due.
const atOnce = 4

func (s *shard) push(t *topic, d *notifier.Delivery, f *frame) {
	if f.chunk == nil {
		*f = eventFrame(&d.Event)
	}
	t.push(entry{d.Event.ID.Seq, *f})
	if !t.dirty {
		t.dirty = true
		s.dirty = append(s.dirty, t)
		s.reach += t.open
	}
}

// register admits a stream, which reads from here on: what its topic no longer
// holds when the worker takes it in, it finds in the journal. first says that the
// token was not online before.
func (s *shard) register(st *stream, token string) (first bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[token]
	if t == nil {
		// A copy: the token may be a part of a whole request line.
		t = &topic{shard: s, token: strings.Clone(token), from: s.followed}
		s.topics[t.token] = t
	}
	if limit := s.hub.cfg.PerToken; limit > 0 && t.open >= limit {
		return false, notifier.ErrTooManyStreams
	}
	t.open++
	st.topic, st.revoked = t, t.revoked
	st.pos, st.live = s.followed, s.followed
	return t.open == 1, nil
}

// leave is the reverse of register.
func (s *shard) leave(t *topic) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.open--; t.open > 0 {
		return false
	}
	delete(s.topics, t.token)
	return true
}

// revoke closes every stream of a token that is registered by now, and returns how
// many those are. The ones that the worker has not yet taken in find it out then.
func (s *shard) revoke(token string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[token]
	if t == nil {
		return 0
	}
	t.revoked++
	s.mail = append(s.mail, func() { s.closeTopic(t, Revoked) })
	s.ring()
	return t.open
}

func (s *shard) isRevoked(st *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return st.revoked != st.topic.revoked
}

func (s *shard) snapshot() []*topic {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*topic, 0, len(s.topics))
	for _, t := range s.topics {
		all = append(all, t)
	}
	return all
}

// run is the worker.
func (s *shard) run() {
	tick := time.NewTicker(wheelTick)
	defer tick.Stop()
	for {
		select {
		case <-s.wake:
		case <-tick.C:
		case <-s.hub.ctx.Done():
			s.abandon()
			return
		}
		s.work.Lock()
		s.round()
		s.wheel.advance(s.now, s.due)
		s.work.Unlock()
	}
}

// round does what has come up: topics first, since what a call does to a single
// stream may trim its topic, which every live stream has read by then. work is held.
func (s *shard) round() {
	s.now = time.Since(s.hub.start)
	s.take()
	for i, t := range s.todo {
		s.deliver(t)
		s.todo[i] = nil
	}
	for i, f := range s.calls {
		f()
		s.calls[i] = nil
	}
}

// take empties the mail and the list of dirty topics.
func (s *shard) take() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls, s.mail = s.mail, s.calls[:0]
	s.todo, s.dirty, s.reach = s.dirty, s.todo[:0], 0
	for _, t := range s.todo {
		t.dirty = false
		t.absorb()
	}
}

// abandon closes what is open when the hub stops; streams of the mail too.
func (s *shard) abandon() {
	s.work.Lock()
	defer s.work.Unlock()
	s.round()
	for _, t := range s.snapshot() {
		s.closeTopic(t, gone)
	}
}
