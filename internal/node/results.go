package node

import (
	"context"
	"net/http"
	"sync/atomic"

	"notifier"
	"notifier/ingest"
	"notifier/internal/problem"
)

// results counts publications by what became of them.
type results [failed + 1]atomic.Uint64

// A result is what became of a publication.
type result int

const (
	accepted    result = iota
	duplicate          // its idempotency key was known
	invalid            // a bad field, too large, not in time
	denied             // the credential does not allow it
	conflict           // the idempotency key was another publication's
	limited            // too many
	unavailable        // the journal cannot take it
	aborted            // the publisher went away
	failed             // a mistake of ours
)

var resultNames = [...]string{"accepted", "duplicate", "invalid", "denied", "conflict", "limited", "unavailable", "aborted", "failed"}

// resultOf is the result of a publication that was refused.
func resultOf(err error) result {
	switch status := problem.Of(err).Status; status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return denied
	case http.StatusConflict:
		return conflict
	case http.StatusTooManyRequests:
		return limited
	case http.StatusServiceUnavailable:
		return unavailable
	case problem.ClientGone:
		return aborted
	default:
		if status < 500 {
			return invalid
		}
		return failed
	}
}

// append counts what a journal takes of publishers.
func (c *results) append(next ingest.Append) ingest.Append {
	return func(ctx context.Context, pubs []notifier.Publication) ([]notifier.Ack, error) {
		acks, err := next(ctx, pubs)
		for _, ack := range acks {
			switch {
			case ack.Err != nil: // counted as it is answered
			case ack.Duplicate:
				c[duplicate].Add(1)
			default:
				c[accepted].Add(1)
			}
		}
		return acks, err
	}
}

// handler counts the publications, and whole batches, that f refuses.
func (c *results) handler(f handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := f(w, r)
		if err != nil {
			c[resultOf(err)].Add(1)
		}
		return err
	}
}

// line counts the lines of a batch that are answered with a problem.
func (c *results) line(err error) []byte {
	c[resultOf(err)].Add(1)
	return problem.Line(err)
}

func (c *results) read() map[string]uint64 {
	all := make(map[string]uint64, len(c))
	for i := range c {
		all[resultNames[i]] = c[i].Load()
	}
	return all
}
