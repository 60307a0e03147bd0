package stream

import (
	"time"

	"notifier"
)

// A stream is one open connection of a subscriber. Its fields belong to
// whoever holds the work of its topic's shard.
type stream struct {
	id         uint64 // in the hub
	topic      *topic
	index      int // in topic.streams
	sink       sink
	release    func() // of [Config.Admit]; may be nil
	credential string // its name; "" if it has none
	control    bool   // the client wants the server's own events
	chunked    bool   // HTTP/1.1, where we write the chunks ourselves

	revoked int // topic.revoked at registering

	state  state
	pos    uint64 // every event up to here has been handed to the sink
	rest   []byte // but for this, the end of the last one
	live   uint64 // pos at opening: what came later was published while it was open
	resume *resume
	told   uint64 // where the last gap that the client was told of ended

	events uint64 // handed to the sink
	bytes  uint64

	began   time.Duration // since hub.start
	last    time.Duration // last bytes handed to the sink, since hub.start
	ends    time.Duration // 0 for never
	endsWhy Reason
	slot    **stream // in the shard's wheel
	next    *stream
	prev    *stream
}

// A resume is where a stream begins that does not begin with new events.
type resume struct {
	after   notifier.ID
	unknown bool      // after an id that is none
	since   time.Time // without an id: from this instant on
}

// wire is a frame as the stream's connection carries it.
func (st *stream) wire(f frame) []byte {
	if st.chunked {
		return f.chunk
	}
	return f.payload()
}

// readyBytes announce a stream that begins with new events.
func (st *stream) readyBytes() []byte {
	start := st.topic.shard.hub.origin.At(st.pos)
	return st.wire(frameOf(func(b []byte) []byte { return appendReady(b, start, false) }))
}

// A state says what a stream waits for.
type state uint8

const (
	opening  state = iota // the worker
	live                  // the next event
	catching              // a reader, with a page of the journal
	blocked               // its client
	closed                // nothing
)

var stateNames = [...]string{"opening", "live", "catching up", "blocked", "closed"}

func (s state) String() string { return stateNames[s] }

func (st *stream) become(to state) {
	states := &st.topic.shard.tally.states
	states[st.state]--
	states[to]++
	if st.state == live {
		st.topic.behind++
	}
	if to == live {
		st.topic.behind--
	}
	st.state = to
}
