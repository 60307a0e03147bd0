// Package loadtest is a small load test of one's own deployment: it opens streams,
// publishes to them at a rate, and counts what arrives, how late, and what is
// lost, doubled or sent to somebody else.
//
// It speaks HTTP only, through whatever stands in front of the server. It
// addresses tokens of its own, never all streams, so that nobody else's streams
// get anything; what it publishes is kept for a minute. It says what was measured
// and leaves the judgement to its caller.
package loadtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Prefix begins every token that is used.
const Prefix = "notifier-bench-"

// Config says what to do.
type Config struct {
	// URL is the server's, with its base path.
	URL *url.URL
	// Key is the publisher's, if the server asks for one.
	Key string
	// Credential makes what a subscriber shows from its token; nil is the token.
	Credential func(token string) (string, error)
	// Streams is how many to open; Tokens, at most as many, is how many tokens they
	// share.
	Streams, Tokens int
	// Rate is how many events to publish a second, each to Fanout tokens.
	Rate, Fanout int
	// Duration is how long to publish.
	Duration time.Duration
}

// A Progress is how far a test is.
type Progress struct {
	Open      int           // streams
	Published time.Duration // part of Config.Duration that is over
	Delivered int64
}

// A test is one run.
type test struct {
	Config
	started time.Time // what all times are after
	mark    string    // the entityType of its events
	tokens  []string
	streams []*stream
	meter   *meter
	ledger  ledger
	opened  atomic.Int64
}

// tick is how often progress is told.
const tick = 200 * time.Millisecond

// Run runs a test. It tells progress from time to time, not concurrently, and once
// more at the end of a test that could be done. An error means that the test could not be done; what the
// server lost is in the Result.
func Run(ctx context.Context, cfg Config, progress func(Progress)) (*Result, error) {
	t := &test{Config: cfg, started: time.Now(), meter: newMeter()}
	t.mark = Prefix + rand.Text()[:8]
	for i := range cfg.Tokens {
		t.tokens = append(t.tokens, fmt.Sprintf("%s-%d", t.mark, i))
	}
	ctx, stop := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	tasks.Go(func() { t.tell(ctx, progress) })
	result, err := t.run(ctx)
	stop()
	tasks.Wait()
	for _, s := range t.streams {
		<-s.done
	}
	if result != nil {
		t.count(result) // nothing arrives any more
	}
	if err == nil {
		progress(Progress{Open: cfg.Streams, Published: cfg.Duration, Delivered: result.Delivered})
	}
	return result, err
}

func (t *test) run(ctx context.Context) (*Result, error) {
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	opening := time.Since(t.started)
	t.meter.begin()
	publishing := t.publish(ctx)
	t.settle(ctx)
	t.meter.end()
	if t.ledger.published() == 0 {
		if reason := t.ledger.reason(); reason != nil {
			return nil, fmt.Errorf("nothing could be published: %w", reason)
		}
		return nil, errors.New("interrupted before anything was published")
	}
	return &Result{
		URL: t.URL.Redacted(), Streams: t.Streams, Tokens: t.Tokens, Rate: t.Rate, Fanout: t.Fanout,
		Opening: opening.Seconds(), Publishing: publishing.Seconds(),
	}, nil
}

// patience is how long a test waits for events after the last that came.
const patience = 5 * time.Second

// settle waits until everything has come, or nothing comes any more.
func (t *test) settle(ctx context.Context) {
	wait := time.NewTicker(20 * time.Millisecond)
	defer wait.Stop()
	streams := make([]int64, len(t.tokens))
	for _, s := range t.streams {
		streams[s.token]++
	}
	wanted := t.ledger.wanted(streams)
	last, since := t.meter.delivered(), time.Now()
	for {
		select {
		case <-wait.C:
		case <-ctx.Done():
			return
		}
		now := t.meter.delivered()
		if now == last && (now >= wanted || time.Since(since) > patience) {
			return
		}
		if now > last {
			last, since = now, time.Now()
		}
	}
}

func (t *test) tell(ctx context.Context, progress func(Progress)) {
	every := time.NewTicker(tick)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			progress(t.progress())
		case <-ctx.Done():
			return
		}
	}
}

func (t *test) progress() Progress {
	return Progress{
		Open:      int(t.opened.Load()),
		Published: min(t.meter.elapsed(), t.Duration),
		Delivered: t.meter.delivered(),
	}
}
