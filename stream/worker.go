package stream

import (
	"math/rand/v2"
	"time"

	"notifier"
)

// What is done to streams by whoever holds their shard's work. Nothing else touches
// them, except that a reader reads what it needs of a stream that is catching up.

// opened takes a registered stream in and sends its first bytes.
func (s *shard) opened(st *stream, first []byte) {
	t := st.topic
	st.index = len(t.streams)
	t.streams = append(t.streams, st)
	t.behind++
	st.began, st.last = s.now, s.now
	s.tally.opened++
	s.tally.states[opening]++
	s.wheel.add(st, s.dueAt(st))
	if st.control && st.resume == nil {
		first = append(first, st.readyBytes()...)
	}
	if !s.write(st, first) {
		return
	}
	switch {
	case s.hub.draining.Load():
		s.close(st, Drain)
	case s.isRevoked(st), s.isDenied(st):
		s.close(st, Revoked)
	default:
		s.read(st)
	}
}

// deliver lets every stream of a topic read what is new. It goes backwards:
// closing a stream moves the last one into its place.
func (s *shard) deliver(t *topic) {
	for i := len(t.streams) - 1; i >= 0; i-- {
		if st := t.streams[i]; st.state == live {
			s.read(st)
		}
	}
	t.trim()
}

// read hands a stream everything after its position. It leaves it live, or
// blocked by its client, or closed, or, if it has yet to resume or the tail begins
// too late for it, catching up.
func (s *shard) read(st *stream) {
	if st.resume != nil || st.pos < st.topic.from {
		s.catchUp(st)
		return
	}
	st.become(live)
	s.writeAll(st, st.topic.after(st.pos))
}

// catchUp has a reader read the journal for a stream.
func (s *shard) catchUp(st *stream) {
	st.become(catching)
	s.hub.readers.add(st)
}

// gotPage continues a stream that is catching up.
func (s *shard) gotPage(st *stream, page notifier.Page, start notifier.ID, entries []entry, err error) {
	if st.state == closed {
		return
	}
	if err != nil {
		s.close(st, Unavailable)
		return
	}
	st.resume = nil
	st.pos = start.Seq
	if page.Gap != notifier.GapNone {
		st.told = page.Start.Seq
	}
	if !s.writeAll(st, entries) {
		return
	}
	st.pos = page.Next.Seq
	if page.More {
		s.catchUp(st)
		return
	}
	s.read(st)
	st.topic.trim()
}

// sent counts bytes that a client has taken.
func (s *shard) sent(st *stream, n int) {
	st.last = s.now
	st.bytes += uint64(n)
	s.tally.bytes += uint64(n)
}

// handed counts events that a client has, the last of them perhaps in part.
func (s *shard) handed(st *stream, n int) {
	st.events += uint64(n)
	s.tally.deliveries += uint64(n)
}

// maxWrite is about how many bytes of several events go out in one write.
const maxWrite = 32 << 10

// writeAll hands entries to the client and moves the stream's position after
// them. It returns false if the client did not take all: the stream is blocked,
// or closed.
func (s *shard) writeAll(st *stream, entries []entry) bool {
	for len(entries) > 0 {
		b, n := s.gather(st, entries)
		sent, err := st.sink.write(b)
		if err != nil {
			s.close(st, Gone)
			return false
		}
		s.sent(st, sent)
		if sent < len(b) {
			s.cutShort(st, entries, sent)
			return false
		}
		s.handed(st, n)
		st.pos = entries[n-1].seq
		entries = entries[n:]
	}
	return true
}

// gather returns the bytes of the first n entries: one, or as many as fit a write.
func (s *shard) gather(st *stream, entries []entry) (b []byte, n int) {
	if len(entries) == 1 {
		return st.wire(entries[0].frame), 1
	}
	b = s.batch[:0]
	for _, e := range entries {
		if n > 0 && len(b)+e.frame.size() > maxWrite {
			break
		}
		b = append(b, st.wire(e.frame)...)
		n++
	}
	if cap(b) <= 2*maxWrite {
		s.batch = b
	}
	return b, n
}

// cutShort blocks a stream whose client took only so many bytes of entries. What
// is left of the frame it is inside is all that is kept.
func (s *shard) cutShort(st *stream, entries []entry, sent int) {
	for _, e := range entries {
		if sent == 0 {
			break
		}
		st.pos = e.seq
		s.handed(st, 1)
		b := st.wire(e.frame)
		if sent < len(b) {
			st.rest = b[sent:]
			break
		}
		sent -= len(b)
	}
	s.block(st)
}

// write hands the client bytes that are no events. It returns false if the
// stream is blocked or closed.
func (s *shard) write(st *stream, b []byte) bool {
	n, err := st.sink.write(b)
	if err != nil {
		s.close(st, Gone)
		return false
	}
	s.sent(st, n)
	if n < len(b) {
		st.rest = b[n:]
		s.block(st)
		return false
	}
	return true
}

func (s *shard) block(st *stream) {
	st.become(blocked)
	s.wheel.remove(st)
	s.wheel.add(st, s.dueAt(st))
}

// writable continues a blocked stream: its sink has room again.
func (s *shard) writable(st *stream) {
	if st.state != blocked {
		return
	}
	if rest := st.rest; len(rest) > 0 {
		st.rest = nil
		if !s.write(st, rest) {
			return
		}
	}
	s.read(st)
	st.topic.trim()
}

// dueAt is when the wheel shall call a stream.
func (s *shard) dueAt(st *stream) time.Duration {
	at := st.last + s.hub.cfg.Heartbeat
	if st.state == blocked {
		at = st.last + s.hub.cfg.WriteTimeout
	}
	if st.ends > 0 {
		at = min(at, st.ends)
	}
	return at
}

// due is called by the wheel, up to a tick early.
func (s *shard) due(st *stream) {
	now := s.now + wheelTick
	switch {
	case st.ends > 0 && now > st.ends:
		s.close(st, st.endsWhy)
		return
	case st.state == blocked && now > st.last+s.hub.cfg.WriteTimeout:
		s.close(st, Slow)
		return
	case st.state == live && now > st.last+s.hub.cfg.Heartbeat:
		s.beat(st)
	}
	if st.state != closed && st.slot == nil {
		s.wheel.add(st, s.dueAt(st))
	}
}

func (s *shard) beat(st *stream) {
	if st.control {
		s.write(st, st.wire(pingFrame))
	} else {
		s.write(st, st.wire(heartbeat))
	}
}

// close ends a stream. A client that is inside a frame is cut off: it has not
// seen the id of that event and resumes before it.
func (s *shard) close(st *stream, why Reason) {
	if st.state == closed {
		return
	}
	inside := st.state == blocked
	st.become(closed)
	s.wheel.remove(st)
	s.unlink(st)
	s.tally.closed[why]++
	s.hub.leave(st) // before the client can see it
	if inside || why == Gone {
		st.sink.cut()
	} else {
		if f, ok := closeFrames[why]; st.control && ok {
			st.sink.write(st.wire(f))
		}
		st.sink.end()
	}
	st.rest = nil
	if s.hub.cfg.Ended != nil {
		s.hub.cfg.Ended(End{st.topic.own(), why, s.now - st.began, st.events, st.bytes})
	}
}

// drain gives every stream an end. Those that are opened later find the hub
// draining.
func (s *shard) drain(within time.Duration) {
	for _, t := range s.snapshot() {
		for i := len(t.streams) - 1; i >= 0; i-- {
			st := t.streams[i]
			end := s.now + time.Duration(rand.Float64()*float64(within))
			if within <= 0 {
				s.close(st, Drain)
			} else if st.ends == 0 || end < st.ends {
				st.ends, st.endsWhy = end, Drain
				s.wheel.remove(st)
				s.wheel.add(st, s.dueAt(st))
			}
		}
	}
}

func (s *shard) unlink(st *stream) {
	t := st.topic
	t.behind-- // closed is not live
	last := len(t.streams) - 1
	t.streams[st.index] = t.streams[last]
	t.streams[st.index].index = st.index
	t.streams[last] = nil
	t.streams = t.streams[:last]
}

func (s *shard) closeTopic(t *topic, why Reason) {
	for i := len(t.streams) - 1; i >= 0; i-- {
		s.close(t.streams[i], why)
	}
}
