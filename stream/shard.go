package stream

import (
	"sync"
	"time"

	"notifier"
)

// A shard owns the topics whose names hash to it, and all their streams. Whoever
// holds work does everything to them, so that streams need no locks of their own:
// the shard's worker, or a publisher that finds nobody at work and has little to do.
// Others leave events in topics and requests in the mail.
type shard struct {
	hub  *Hub
	wake chan struct{} // one slot: a wake-up is never waited for

	mu       sync.Mutex
	topics   map[string]*topic   // by name
	joint    map[string][]*topic // those with several tokens, by each
	followed uint64              // every event up to here has been put into the topics of its time
	dirty    []news
	reach    int           // streams of the dirty topics
	told     time.Duration // when the last event came, since hub.start
	rush     int           // events that came soon after one another
	mail     []func()

	work sync.Mutex // taken before mu

	// guarded by work
	now    time.Duration // since hub.start
	todo   []news        // dirty of this round
	calls  []func()      // mail of this round
	wheel  wheel
	batch  []byte // several frames for one write
	writer *rawWriter
	tally  tally
}

// news is a topic with events that its streams have not been handed, the first of
// which the journal took at since.
type news struct {
	topic *topic
	since time.Time
}

func newShard(h *Hub) *shard {
	return &shard{
		hub:      h,
		wake:     make(chan struct{}, 1),
		topics:   map[string]*topic{},
		joint:    map[string][]*topic{},
		followed: h.origin.Seq,
		tally:    tally{closed: map[Reason]uint64{}},
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
			for _, t := range s.topics {
				if d.Except == "" || !t.has(d.Except) {
					s.push(t, d, &frames[i])
				}
			}
			continue
		}
		for _, token := range d.Tokens { // those of other shards are not found here
			if t := s.topics[token]; t != nil {
				s.push(t, d, &frames[i])
			}
			for _, t := range s.joint[token] {
				s.push(t, d, &frames[i])
			}
		}
	}
	s.followed = batch[len(batch)-1].Event.ID.Seq
	ring, small := len(s.dirty) > 0, len(batch) == 1 && s.reach <= atOnce
	quiet := ring && s.isQuiet()
	s.mu.Unlock()
	switch {
	case !ring:
	case small && quiet && s.work.TryLock():
		s.round()
		s.work.Unlock()
	default:
		s.ring()
	}
}

// An event for up to atOnce streams of a quiet shard is written by the journal's
// follower itself: waking the worker would take longer. In a rush of events, each
// within soon of the one before, the worker is awake, and writes many in a round while
// publishers go on.
const (
	atOnce = 4
	soon   = 100 * time.Microsecond
	aRush  = 8
)

// isQuiet is asked for each event; mu is held.
func (s *shard) isQuiet() bool {
	before := s.told
	s.told = time.Since(s.hub.start)
	if s.told-before > soon {
		s.rush = 0
	}
	s.rush++
	return s.rush < aRush
}

func (s *shard) push(t *topic, d *notifier.Delivery, f *frame) {
	if t.holds(d.Event.ID.Seq) {
		return // it came for another token of the topic
	}
	if f.chunk == nil {
		*f = eventFrame(&d.Event)
	}
	t.push(entry{d.Event.ID.Seq, *f})
	if !t.dirty {
		t.dirty = true
		s.dirty = append(s.dirty, news{t, d.Event.Time})
		s.reach += t.open
	}
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
	for i, n := range s.todo {
		s.deliver(n.topic)
		s.tally.latency.add(time.Since(n.since))
		s.todo[i] = news{}
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
	for _, n := range s.todo {
		n.topic.dirty = false
		n.topic.absorb()
	}
}

// abandon closes what is open when the hub stops; streams of the mail too.
func (s *shard) abandon() {
	s.work.Lock()
	defer s.work.Unlock()
	s.round()
	for _, t := range s.snapshot() {
		s.closeTopic(t, Gone)
	}
}
