// Package journal remembers: it appends publications in one order, gives each an
// id, and answers what came after a position. It decides what is kept and for how
// long, which publications are duplicates, and where a reader has a gap.
//
// It knows nothing of HTTP, of streams or of who may do what, and it never waits
// for a reader: a [Log] tells its one follower of each batch, and everybody else
// reads pages after a position of their own.
//
// [Open] keeps it on disk: an append that was answered survives the process, the
// machine's power and a full disk. [Memory] forgets everything when the process ends.
package journal

import (
	"context"
	"time"

	"notifier"
)

// A Log is an ordered, bounded memory of publications. All methods may be called
// concurrently.
//
// What is dropped leaves a floor, the position of the last event dropped: MaxAge
// and MaxBytes raise the log's, MaxEvents and Forget the token's, MaxEvents that
// of the events for all too. A reader has a gap exactly if its position is before
// one of the floors that concern it; Page.Start is the highest of them. A token's
// floor is remembered at least until the log's has passed it. MaxAge may raise the
// log's floor up to a sixth of itself late, as long as no event for the reader's
// tokens was dropped.
//
// An event whose ttl is over counts like any other for a minute more, because a
// stream that was open when it was published may be slow: if a bound drops it
// then, the floor rises. Later it is worthless. A token with too many events loses
// the worthless ones first, and its floor stays.
type Log interface {
	// Append takes the publications in the order given and answers each. It
	// returns when they are as durable as this log makes them, can be replayed,
	// and the follower has been told. The error is for all of them: nothing was
	// taken; it is the context's, or wraps notifier.ErrUnavailable if the same call
	// may succeed later. Trouble with a single one is its Ack.Err.
	//
	// The log keeps Tokens and Data: the caller must not change them afterwards.
	Append(ctx context.Context, pubs []notifier.Publication) ([]notifier.Ack, error)

	// Replay returns a page of what is kept; see notifier.Query. An error is the
	// context's or wraps notifier.ErrUnavailable.
	//
	// A position that the log has not reached, and it alone, is answered with no
	// events: the reader goes on live. In a gap of any other kind the reader gets
	// everything that is kept after its position, also events before Page.Start:
	// those for all, say, where those of a busy token are gone. A page that ends
	// before Start is followed by one that tells of the gap again.
	Replay(ctx context.Context, q notifier.Query) (notifier.Page, error)

	// Follow has tell called with every batch appended from now on, in order, each
	// event once, from one goroutine at a time. What it is told of can be replayed
	// already. Appending waits for tell, replaying does not; so it must be quick and
	// must not call the log, and keeps the deliveries it wants, not the batch, which is
	// used again. Follow is called at most once, before the first Append.
	Follow(tell func(batch []notifier.Delivery))

	// Head is the position of the last event that can be replayed.
	Head() notifier.ID

	// Forget drops what is kept for a token and returns how many events that were.
	// Readers of the token whose position is before the last of them get a gap.
	// Events for all stay, and so do those of a publication for other tokens too,
	// for these.
	Forget(ctx context.Context, token string) (int, error)

	// Close waits for appends under way and refuses later calls with an error that
	// wraps notifier.ErrUnavailable.
	Close() error
}

// Options bound what a log keeps. Zero fields mean the default of
// [DefaultOptions]; a negative one means no bound.
type Options struct {
	// MaxAge is how long an event is kept at most.
	MaxAge time.Duration
	// MaxEvents is how many events are kept for one token, and how many for all.
	MaxEvents int
	// MaxBytes is about how much memory or disk all events may take.
	MaxBytes int64
	// KeyWindow is how long an idempotency key is remembered. Memory remembers a
	// million of them at most.
	KeyWindow time.Duration
}

// DefaultOptions are the bounds that hold where nothing else is asked for.
var DefaultOptions = Options{
	MaxAge:    24 * time.Hour,
	MaxEvents: 1000,
	MaxBytes:  256 << 20,
	KeyWindow: 10 * time.Minute,
}
