package limit

import (
	"sync"
	"time"

	"notifier"
)

// Publishing limits how many publications a second there may be, of one publisher
// and to one token. A second's worth may come at once.
type Publishing struct {
	mu                 sync.Mutex
	publisher, token   int // a second; 0 is no limit
	publishers, tokens buckets[string]
}

// NewPublishing limits the publications of each publisher that has no rate of its
// own, and those to each token; 0 is no limit.
func NewPublishing(publisher, token int) *Publishing {
	return &Publishing{publisher: publisher, token: token}
}

// Set changes the limits.
func (p *Publishing) Set(publisher, token int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.publisher, p.token = publisher, token
}

// Allow counts one publication of who, or refuses it. It counts for none of the
// tokens if it is too much for one of them.
func (p *Publishing) Allow(who *notifier.Publisher, tokens []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := taking{now: time.Now()}
	perPublisher := p.publisher
	if who.Rate > 0 {
		perPublisher = who.Rate
	}
	if perPublisher > 0 {
		if wait := t.take(p.publishers.reserve(who.Name, second(perPublisher), t.now)); wait > 0 {
			return refusal("publish-rate", wait, "this publisher may send %d publications a second", perPublisher)
		}
	}
	if p.token == 0 {
		return nil
	}
	for _, token := range tokens {
		if wait := t.take(p.tokens.reserve(token, second(p.token), t.now)); wait > 0 {
			return refusal("token-rate", wait, "a token gets at most %d publications a second; nothing was sent to any token", p.token)
		}
	}
	return nil
}

// second is the pace of n a second, all of which may come at once.
func second(n int) Pace { return Pace{Rate: n, Burst: n} }
