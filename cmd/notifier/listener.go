package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"mime"
	"net/http"
	"os"
	"time"

	"github.com/r3labs/sse/v2"
	"gopkg.in/cenkalti/backoff.v1"
)

const (
	// firstRetry is when to reconnect as long as the server has not said.
	firstRetry = time.Second
	// minWait holds even if the server says 0, maxWait bounds the doubling of the
	// wait, but not what the server asks for.
	minWait = 10 * time.Millisecond
	maxWait = 30 * time.Second
)

// A listener reads one stream for ever, over as many connections as it takes. The
// client parses events and keeps the last id; when and whether to come back is
// decided here, as the client does neither after a clean end nor as retry: says.
type listener struct {
	client *sse.Client
	retry  time.Duration // what the server asked for last
	opened bool          // this attempt has got a stream
}

// A finalError is one after which another attempt would be refused too.
type finalError struct{ error }

// errEnded is the server's word that there is nothing more to come, ever.
var errEnded = finalError{errors.New("the stream has ended for good")}

func newListener(url, token, lastID string) *listener {
	l := &listener{retry: firstRetry}
	l.client = sse.NewClient(url, sse.ClientMaxBufferSize(maxEvent))
	l.client.Headers["Authorization"] = "Bearer " + token
	l.client.ReconnectStrategy = new(backoff.StopBackOff)
	l.client.ResponseValidator = l.open
	if lastID != "" {
		l.client.LastEventID.Store([]byte(lastID))
	}
	return l
}

// run hands every event to write, one at a time, until ctx ends or the server
// says that it is over, which is nil, or until a finalError or one of write.
func (l *listener) run(ctx context.Context, write func(*sse.Event) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	failures := 0
	for {
		l.opened = false
		err := l.client.SubscribeWithContext(ctx, "", func(ev *sse.Event) {
			if err := write(ev); err != nil {
				stop(err)
			}
		})
		if ctx.Err() != nil {
			return failure(context.Cause(ctx))
		}
		if errors.As(err, new(finalError)) {
			return failure(err)
		}
		if failures++; l.opened {
			failures = 0
		}
		wait := l.wait(failures)
		if err != nil {
			fmt.Fprintf(os.Stderr, "notifier: %v; trying again in %v\n", err, wait.Round(time.Millisecond))
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// failure is the cause of an end, nil for those that are as they should be.
func failure(cause error) error {
	if errors.Is(cause, context.Canceled) || errors.Is(cause, errEnded) {
		return nil
	}
	return cause
}

// wait is how long to wait after some attempts in a row got no stream: what the
// server asked for, doubled for each, and up to half as long again, so that
// clients cut off together do not come back together.
func (l *listener) wait(failures int) time.Duration {
	d := max(l.retry, minWait)
	for range failures {
		if d < maxWait {
			d = min(2*d, maxWait)
		}
	}
	return d + rand.N(d/2+1)
}

// open looks at an answer before its events are read.
func (l *listener) open(_ *sse.Client, resp *http.Response) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusOK && kind == "text/event-stream" {
		l.opened = true
		resp.Body = newBlocks(resp.Body, func(d time.Duration) { l.retry = d })
		return nil
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNoContent:
		return errEnded
	case resp.StatusCode == http.StatusOK:
		return finalError{fmt.Errorf("there is no event stream at %s, but %q", resp.Request.URL.Path, kind)}
	case resp.StatusCode < http.StatusInternalServerError:
		return finalError{refusal(resp)}
	}
	return refusal(resp)
}
