package stream

import (
	"cmp"
	"context"
	"hash/maphash"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"notifier"
)

// Config sets how streams are treated. Zero fields mean the default.
type Config struct {
	// Heartbeat is the longest silence on a stream; default 15 s.
	Heartbeat time.Duration
	// Retry is what clients are told to wait before they reconnect, within ±25 %
	// for each stream; default 3 s.
	Retry time.Duration
	// Lifetime is when a stream is closed so that its client resumes, within ±20 %
	// for each stream; default 1 h, negative for never.
	Lifetime time.Duration
	// WriteTimeout is how long a client may take no byte before its stream is
	// closed; default 10 s.
	WriteTimeout time.Duration
	// PerToken is how many streams one token may have; 0 for any number.
	PerToken int
	// MaxStreams is how many streams there may be; 0 for any number.
	MaxStreams int
	// Admit, if set, is asked for each stream before it opens, and for HEAD; its error
	// is the answer. release, unless nil, is called once when the stream has ended, or
	// if it does not come to be. It may be called concurrently.
	Admit func(r *http.Request, who notifier.Identity) (release func(), err error)
	// Denied, if set, reports whether a subscriber who was let in must not have a
	// stream by now. It is asked when the stream is among those that can be revoked, so
	// that a denial which is followed by a revocation reaches every stream. It must be
	// quick and may be called concurrently.
	Denied func(notifier.Identity) bool
	// TurnedAway, if set, is told of every client that got a long time to wait instead
	// of a stream, and why: "max-streams", "drain" or "unavailable". It must be quick
	// and may be called concurrently.
	TurnedAway func(why string)
	// Changed, if set, is told when the first stream of a subscriber's own token has
	// opened or its last one has closed. It must be quick, may be called
	// concurrently, and asks [Hub.Count] for what is true by then.
	Changed func(token string)
	// Ended, if set, is told of every stream that has ended, once. It must be quick
	// and may be called concurrently.
	Ended func(End)
}

func (c Config) withDefaults() Config {
	c.Heartbeat = cmp.Or(c.Heartbeat, 15*time.Second)
	c.Retry = cmp.Or(c.Retry, 3*time.Second)
	c.Lifetime = cmp.Or(c.Lifetime, time.Hour)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 10*time.Second)
	return c
}

// A Log is what the hub needs of a journal; package journal documents it.
type Log interface {
	Follow(tell func(batch []notifier.Delivery))
	Replay(ctx context.Context, q notifier.Query) (notifier.Page, error)
	Head() notifier.ID
}

// Reason is why a stream ended.
type Reason string

// The reasons that clients are told if they ask for control events.
const (
	Drain    Reason = "drain"    // the server stops
	Revoked  Reason = "revoked"  // [Hub.Revoke] was called for the token
	Expired  Reason = "expired"  // the credential ran out
	Lifetime Reason = "lifetime" // the stream was open for long enough: resume
	Slow     Reason = "slow"     // the client did not read
)

// The reasons that clients are not told.
const (
	Gone        Reason = "gone"        // the client went away: there is nobody to tell
	Unavailable Reason = "unavailable" // the journal could not be read: resume
)

// A Hub holds all open streams of a process. All methods may be called
// concurrently.
type Hub struct {
	cfg    Config
	log    Log
	origin notifier.ID // any position of the log, for its epoch
	start  time.Time   // what durations inside the package count from

	seed    maphash.Seed
	shards  []*shard
	readers readers
	polling sync.Once
	poll    poller  // made by polling
	frames  []frame // owned by tell

	probe atomic.Pointer[shard] // nil but during [Hub.Probe]

	perToken, maxStreams atomic.Int64 // see Limit

	admission sync.Mutex // held while a stream is counted and admitted
	serial    atomic.Uint64

	streams  atomic.Int64
	idle     chan struct{} // one slot: there may be no streams any more
	draining atomic.Bool
	ctx      context.Context // ends with the hub
	stop     context.CancelFunc
	workers  sync.WaitGroup
}

// New returns a hub that follows log. It runs until [Hub.Stop].
func New(log Log, cfg Config) *Hub {
	h := &Hub{cfg: cfg.withDefaults(), log: log, origin: log.Head(), start: time.Now(), seed: maphash.MakeSeed(), idle: make(chan struct{}, 1)}
	h.Limit(cfg.PerToken, cfg.MaxStreams)
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.readers = readers{hub: h, max: 2 * runtime.GOMAXPROCS(0)}
	for range runtime.GOMAXPROCS(0) {
		s := newShard(h)
		h.shards = append(h.shards, s)
		h.workers.Go(s.run)
	}
	log.Follow(h.tell)
	return h
}

// Drain refuses new streams and ends the open ones, each at a random moment within
// the time given, so that their clients do not come back all at once.
func (h *Hub) Drain(within time.Duration) {
	h.draining.Store(true)
	for _, s := range h.shards {
		s.do(func() { s.drain(within) })
	}
}

// Wait returns when no stream is open, or when ctx ends.
func (h *Hub) Wait(ctx context.Context) {
	for h.Total() > 0 {
		select {
		case <-h.idle:
		case <-ctx.Done():
			return
		}
	}
}

// Stop ends the hub's goroutines, and so every stream that is still open. The
// log must not tell it of anything afterwards.
func (h *Hub) Stop() {
	h.stop()
	h.workers.Wait()
	h.polling.Do(func() { h.poll = goroutines{} })
	h.poll.stop()
	h.readers.done.Wait()
}

// poller is made for the first socket. Where the system has none to give, every
// socket gets a goroutine.
func (h *Hub) poller() poller {
	h.polling.Do(func() {
		p, err := newPoller()
		if err != nil {
			p = goroutines{}
		}
		h.poll = p
	})
	return h.poll
}

// tell is the log's follower: it rings the topics of the batch.
func (h *Hub) tell(batch []notifier.Delivery) {
	h.frames = slices.Grow(h.frames[:0], len(batch))[:len(batch)]
	for _, s := range h.shards {
		s.tell(batch, h.frames)
	}
	if s := h.probe.Load(); s != nil {
		s.tell(batch, h.frames)
	}
	clear(h.frames)
}

func (h *Hub) shard(token string) *shard {
	return h.shards[maphash.String(h.seed, token)%uint64(len(h.shards))]
}
