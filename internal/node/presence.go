package node

import (
	"context"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"notifier"
)

// presence tells every stream when a token comes online (new_user) or goes
// offline (user_left), but for the token's own streams. The announcements are
// publications for live streams only: they are not kept, and they reach the
// streams of every node.
//
// A token that comes back within a grace time has not left: a reload of the page
// or a new connection after a stream's lifetime is no news.
type presence struct {
	node *Node
	wake chan struct{} // one slot
	done chan struct{}
	quit context.CancelFunc

	mu    sync.Mutex
	queue []string // tokens that came online or went offline, oldest first

	// owned by run
	online  map[string]bool      // announced as online
	leaving map[string]time.Time // announced as online, but without a stream since
}

// grace is how long a token may be without a stream until it is said to have
// left: longer than clients take to reconnect.
const grace = 10 * time.Second

func newPresence(n *Node) *presence {
	return &presence{
		node:    n,
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		online:  map[string]bool{},
		leaving: map[string]time.Time{},
	}
}

// changed is told by the hub.
func (p *presence) changed(token string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.queue = append(p.queue, token)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *presence) start() {
	if p == nil {
		return
	}
	ctx, quit := context.WithCancel(context.Background())
	p.quit = quit
	go p.run(ctx)
}

func (p *presence) stop() {
	if p == nil {
		return
	}
	p.quit()
	<-p.done
}

func (p *presence) run(ctx context.Context) {
	defer close(p.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
			p.look(ctx)
		case now := <-tick.C:
			p.expire(ctx, now)
		}
	}
}

// look finds out what is true by now of the tokens that changed.
func (p *presence) look(ctx context.Context) {
	p.mu.Lock()
	queue := p.queue
	p.queue = nil
	p.mu.Unlock()
	var pubs []notifier.Publication
	for _, token := range queue {
		switch here := p.node.hub.Count(token) > 0; {
		case here && !p.online[token]:
			p.online[token] = true
			pubs = append(pubs, announcement("new_user", token))
		case here:
			delete(p.leaving, token)
		case p.online[token]:
			p.leaving[token] = time.Now()
		}
	}
	p.publish(ctx, pubs)
}

// expire announces who has been away for longer than the grace.
func (p *presence) expire(ctx context.Context, now time.Time) {
	var pubs []notifier.Publication
	for token, since := range p.leaving {
		if now.Sub(since) >= grace {
			delete(p.leaving, token)
			delete(p.online, token)
			pubs = append(pubs, announcement("user_left", token))
		}
	}
	p.publish(ctx, pubs)
}

func (p *presence) publish(ctx context.Context, pubs []notifier.Publication) {
	if len(pubs) == 0 {
		return
	}
	if _, err := p.node.journal.Append(ctx, pubs); err != nil {
		p.node.log.Warn("presence not announced", "tokens", len(pubs), "err", err)
	}
}

func announcement(name, token string) notifier.Publication {
	data, err := json.Marshal(token)
	if err != nil {
		panic(err) // tokens are valid UTF-8
	}
	return notifier.Publication{
		All:    true,
		Except: token,
		Name:   name,
		Data:   []byte(`{"entityType":"` + name + `","data":{"token":` + string(data) + `}}`),
	}
}
