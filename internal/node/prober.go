package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"notifier"
)

// A prober tries out what a server is for, for whoever asks whether it works, but
// not more often than is good: an answer holds for a while, everybody who asks
// meanwhile gets it, and nobody waits for longer than the check should take.
type prober struct {
	check func(context.Context) error

	mu      sync.Mutex
	err     error         // the last answer
	asked   time.Time     // when it was asked for, or when the check under way began
	running chan struct{} // closed when the check under way is over; nil if none is
}

const (
	patience = time.Second
	moment   = 100 * time.Millisecond // in which a check says how far it came
	goodFor  = 5 * time.Second        // what works
	badFor   = time.Second            // what does not
)

var errSlow = errors.New("not within a second")

// ask is the answer of the last check, or of a new one if that was too long ago.
func (p *prober) ask() error {
	running, began := p.begin()
	if running != nil {
		late := time.NewTimer(time.Until(began.Add(patience + moment)))
		defer late.Stop()
		select {
		case <-running:
		case <-late.C:
			return fmt.Errorf("the journal did not take an event: %w", errSlow)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// begin begins a check if one is due, and returns the one under way.
func (p *prober) begin() (running <-chan struct{}, began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	holds := goodFor
	if p.err != nil {
		holds = badFor
	}
	if p.running == nil && (p.asked.IsZero() || time.Since(p.asked) >= holds) {
		p.asked, p.running = time.Now(), make(chan struct{})
		go p.run()
	}
	return p.running, p.asked
}

// run may take as long as the disk does.
func (p *prober) run() {
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, errSlow)
	defer cancel()
	err := p.check(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
	close(p.running)
	p.running = nil
}

// probe finds out whether events come in, can be read and go out.
func (n *Node) probe(ctx context.Context) error {
	if err := filesLeft(openFiles(), usedFiles()); err != nil {
		return err
	}
	if _, err := n.journal.Replay(ctx, notifier.Query{Limit: 1}); err != nil {
		return fmt.Errorf("the journal cannot be read: %w", err)
	}
	return n.hub.Probe(ctx, n.journal.Append)
}
