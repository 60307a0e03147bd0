package auth

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"notifier"
)

// An Introspection is how a backend is asked whose a credential is.
type Introspection struct {
	// URL is the backend's endpoint. It is asked as RFC 7662 says, with a POST of
	// token=…, or with a GET if there is something to forward.
	URL string
	// Forward are the headers of a subscriber's request that the GET passes on, and
	// nothing else of it.
	Forward []string
	// Cookie is the one that may hold the credential for the POST, "" for none.
	Cookie string
	// Secret is the bearer token to ask with, "" for none.
	Secret string
	// Timeout is how long an answer may take.
	Timeout time.Duration
	// Cache is how long an answer is good, one that refuses a fifth of it; 0 for
	// those only who wait for it.
	Cache time.Duration
	// Log is told when the endpoint fails and when it is back.
	Log *slog.Logger
}

// What is asked for at most, so that a storm of reconnects is none for the backend.
const (
	maxCalls    = 32               // under way
	maxWaiting  = 20_000           // for one of those to end
	maxWait     = 10 * time.Second // for that
	maxVerdicts = 16 << 10         // remembered

	failures = 5               // in a row, after which the endpoint is left alone,
	pause    = 5 * time.Second // for so long; then one call tries it
)

// An Introspector asks a backend whose a credential is. It remembers answers for a
// short time, asks once for all who wait for the same answer, and leaves a backend
// alone that fails. While it fails nobody is let in on an older answer: what the
// backend has revoked must not live longer for its being down.
type Introspector struct {
	cfg     Introspection
	client  *http.Client
	known   *lru.Cache[fingerprint, verdict]
	flights singleflight.Group
	calls   *semaphore.Weighted
	waiting atomic.Int64
	breaker *gobreaker.CircuitBreaker[verdict]
	told    atomic.Int64 // when the log was told of trouble last, in Unix seconds

	ctx  context.Context // of all calls
	stop context.CancelFunc
}

// A fingerprint stands for a credential, so that none is kept.
type fingerprint [sha256.Size]byte

// A verdict is the backend's answer: an identity, or an error.
type verdict struct {
	who   notifier.Identity
	err   error
	until time.Time // when it must be asked again
}

// NewIntrospector returns one that is to be closed after use.
func NewIntrospector(cfg Introspection) *Introspector {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = maxCalls
	return newIntrospector(cfg, transport)
}

func newIntrospector(cfg Introspection, transport http.RoundTripper) *Introspector {
	in := &Introspector{
		cfg: cfg,
		client: &http.Client{
			Transport: transport,
			// A redirect could take the credential anywhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		calls: semaphore.NewWeighted(maxCalls),
	}
	in.known, _ = lru.New[fingerprint, verdict](maxVerdicts) // fails for sizes below 1 only
	in.ctx, in.stop = context.WithCancel(context.Background())
	in.breaker = gobreaker.NewCircuitBreaker[verdict](gobreaker.Settings{
		Timeout:       pause,
		ReadyToTrip:   func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
		OnStateChange: in.changed,
	})
	return in
}

// Close ends the calls under way. It returns nil.
func (in *Introspector) Close() error {
	in.stop()
	in.client.CloseIdleConnections()
	return nil
}

// Authorize says who a subscriber is. Its errors are those of a mode
// ([notifier.ErrUnauthorized], [notifier.ErrForbidden], [notifier.FieldErrors]), and
// [notifier.ErrUnavailable] where the backend does not say. The identity is shared:
// read-only. It may be called concurrently.
func (in *Introspector) Authorize(r *http.Request) (notifier.Identity, error) {
	q, err := in.question(r)
	if err != nil {
		return notifier.Identity{}, err
	}
	if v, ok := in.remembered(q.key); ok {
		return v.who, v.err
	}
	// The flight is nobody's own: who goes away leaves it to the others.
	flight := in.flights.DoChan(string(q.key[:]), func() (any, error) { return in.ask(q) })
	select {
	case landed := <-flight:
		if landed.Err != nil {
			return notifier.Identity{}, landed.Err
		}
		v := landed.Val.(verdict)
		return v.who, v.err
	case <-r.Context().Done():
		return notifier.Identity{}, r.Context().Err()
	}
}

// A question is what the backend is asked.
type question struct {
	key    fingerprint
	token  string      // for the POST
	header http.Header // for the GET
}

// question reads from a request what to ask about.
func (in *Introspector) question(r *http.Request) (q question, err error) {
	var parts []string
	if len(in.cfg.Forward) > 0 {
		q.header = http.Header{}
		for _, name := range in.cfg.Forward {
			if values := r.Header.Values(name); len(values) > 0 {
				q.header[http.CanonicalHeaderKey(name)] = values
				parts = append(append(parts, name), values...)
			}
		}
		if len(parts) == 0 {
			return q, notifier.ErrUnauthorized
		}
	} else {
		if q.token, _, err = credential(r, in.cfg.Cookie); err != nil {
			return q, err
		}
		if q.token == "" {
			return q, notifier.ErrUnauthorized
		}
		parts = append(parts, q.token)
	}
	q.key = fingerprintOf(parts)
	return q, nil
}

// fingerprintOf hashes texts, each after its length: two lists never look the same.
func fingerprintOf(parts []string) fingerprint {
	var b []byte
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}

func (in *Introspector) remembered(key fingerprint) (verdict, bool) {
	v, ok := in.known.Get(key)
	return v, ok && time.Now().Before(v.until)
}

// ask is a flight: it waits for its turn, asks, and remembers the verdict. An error
// is trouble with the backend, always a [notifier.ErrUnavailable].
func (in *Introspector) ask(q question) (verdict, error) {
	if v, ok := in.remembered(q.key); ok {
		return v, nil // another flight has landed in between
	}
	if err := in.enter(); err != nil {
		return verdict{}, err
	}
	defer in.calls.Release(1)
	v, err := in.breaker.Execute(func() (verdict, error) { return in.call(q) })
	switch err {
	case nil:
		in.known.Add(q.key, v)
	case gobreaker.ErrOpenState, gobreaker.ErrTooManyRequests:
		err = fmt.Errorf("%w: the introspection endpoint has failed and is left alone", notifier.ErrUnavailable)
	default:
		in.trouble(err)
	}
	return v, err
}

// enter waits until one more call may be made.
func (in *Introspector) enter() error {
	defer in.waiting.Add(-1)
	if in.waiting.Add(1) > maxWaiting {
		return fmt.Errorf("%w: too many subscribers wait for the introspection endpoint", notifier.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(in.ctx, maxWait)
	defer cancel()
	if in.calls.Acquire(ctx, 1) != nil {
		return fmt.Errorf("%w: the introspection endpoint is too slow for all who wait", notifier.ErrUnavailable)
	}
	return nil
}

// trouble tells the log, but not every second.
func (in *Introspector) trouble(err error) {
	last, now := in.told.Load(), time.Now().Unix()
	if now-last >= 60 && in.told.CompareAndSwap(last, now) {
		in.cfg.Log.Warn("trouble with introspection; more of it within a minute is not logged", "err", err)
	}
}

func (in *Introspector) changed(_ string, _, to gobreaker.State) {
	switch to {
	case gobreaker.StateOpen:
		in.cfg.Log.Warn("the introspection endpoint is left alone", "for", pause)
	case gobreaker.StateClosed:
		in.cfg.Log.Info("the introspection endpoint is back")
	}
}
