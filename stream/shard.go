package stream

import (
	"sync"
	"time"

	"notifier"
)

// A shard owns the topics whose tokens hash to it, and all their streams. One
// worker does everything to them, so that streams need no locks; others leave
// events in topics and requests in the mail.
type shard struct {
	hub  *Hub
	wake chan struct{} // one slot: a wake-up is never waited for

	mu       sync.Mutex
	topics   map[string]*topic
	followed uint64 // every event up to here has been put into the topics of its time
	dirty    []*topic
	mail     []func()

	// owned by the worker
	now    time.Duration // since hub.start
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
	ring := len(s.dirty) > 0
	s.mu.Unlock()
	if ring {
		s.ring()
	}
}

func (s *shard) push(t *topic, d *notifier.Delivery, f *frame) {
	if f.chunk == nil {
		*f = eventFrame(&d.Event)
	}
	t.push(entry{d.Event.ID.Seq, *f})
	if !t.dirty {
		t.dirty = true
		s.dirty = append(s.dirty, t)
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
		t = &topic{shard: s, token: token, from: s.followed}
		s.topics[token] = t
	}
	if limit := s.hub.cfg.PerToken; limit > 0 && t.open >= limit {
		return false, notifier.ErrTooManyStreams
	}
	t.open++
	st.topic, st.pos, st.live = t, s.followed, s.followed
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

func (s *shard) topic(token string) *topic {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.topics[token]
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
	var mail []func()
	var dirty []*topic
	for {
		select {
		case <-s.wake:
		case <-tick.C:
		case <-s.hub.ctx.Done():
			s.abandon()
			return
		}
		s.now = time.Since(s.hub.start)
		mail, dirty = s.take(mail, dirty)
		// Topics first: what a request does to a single stream may then trim its
		// topic, since every live stream has read it.
		for _, t := range dirty {
			s.deliver(t)
		}
		for _, f := range mail {
			f()
		}
		s.wheel.advance(s.now, s.due)
	}
}

// take empties the mail and the list of dirty topics into the slices of the last
// round.
func (s *shard) take(mail []func(), dirty []*topic) ([]func(), []*topic) {
	clear(mail)
	clear(dirty)
	s.mu.Lock()
	defer s.mu.Unlock()
	mail, s.mail = s.mail, mail[:0]
	dirty, s.dirty = s.dirty, dirty[:0]
	for _, t := range dirty {
		t.dirty = false
		t.absorb()
	}
	return mail, dirty
}

// abandon closes what is open when the hub stops; streams of the mail too.
func (s *shard) abandon() {
	mail, _ := s.take(nil, nil)
	for _, f := range mail {
		f()
	}
	for _, t := range s.snapshot() {
		s.closeTopic(t, gone)
	}
}
