package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"notifier"
	"notifier/internal/ssetest"
)

const (
	publishers = 8
	tokens     = 4
)

// clients publish and read while the server comes and goes.
type clients struct {
	*testing.T
	url        string
	publishing context.Context // done when there is enough
	enough     context.CancelFunc
	all        sync.WaitGroup // of publishers
	readers    []*reader
	reading    sync.WaitGroup
	duplicates atomic.Int64

	mu    sync.Mutex
	acked map[string]publication // by word
}

// A publication is what was acknowledged.
type publication struct {
	id     notifier.ID
	tokens []string // nil for all
}

func newClients(t *testing.T, url string) *clients {
	c := &clients{T: t, url: url, acked: map[string]publication{}}
	c.publishing, c.enough = context.WithCancel(t.Context())
	return c
}

func (c *clients) run() {
	for i := range tokens {
		r := &reader{clients: c, token: "t" + strconv.Itoa(i), done: make(chan struct{})}
		c.readers = append(c.readers, r)
		c.reading.Go(r.run)
	}
	for i := range publishers {
		c.all.Go(func() { c.publish(i) })
	}
}

// publish publishes words, each until it is acknowledged.
func (c *clients) publish(publisher int) {
	for n := 0; c.publishing.Err() == nil; n++ {
		word := fmt.Sprintf("%d-%d", publisher, n)
		body := map[string]any{"id": word, "data": word}
		var to []string
		switch n % 5 {
		case 0:
			body["all"] = true
		case 1: // wide
			for i := range 2 * tokens {
				to = append(to, "t"+strconv.Itoa(i))
			}
		default:
			to = []string{"t" + strconv.Itoa((publisher+n)%tokens)}
		}
		if to != nil {
			body["tokens"] = to
		}
		c.ack(word, publication{id: c.post(body), tokens: to})
	}
}

func (c *clients) ack(word string, p publication) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acked[word] = p
}

func (c *clients) published() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.acked)
}

// post publishes until there is an answer, and returns the event's id.
func (c *clients) post(body any) notifier.ID {
	b, err := json.Marshal(body)
	if err != nil {
		c.Error(err)
	}
	for {
		resp, err := http.Post(c.url+"/api", "application/json", bytes.NewReader(b))
		if err == nil {
			var answer struct {
				ID        string
				Duplicate bool
			}
			err = json.NewDecoder(resp.Body).Decode(&answer)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK && err == nil {
				if answer.Duplicate {
					c.duplicates.Add(1)
				}
				return c.parse(answer.ID)
			}
			if resp.StatusCode != http.StatusServiceUnavailable && err == nil {
				c.Errorf("the answer is %s", resp.Status)
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (c *clients) parse(id string) notifier.ID {
	parsed, err := notifier.ParseID(id)
	if err != nil {
		c.Errorf("id %q: %v", id, err)
	}
	return parsed
}

// stop ends publishing, and reading when everything has come.
func (c *clients) stop() {
	c.enough()
	c.all.Wait()
	for i := range tokens { // one more for each, which its reader stops at
		token := "t" + strconv.Itoa(i)
		c.ack("last of "+token, publication{
			id:     c.post(map[string]any{"tokens": []string{token}, "data": "last of " + token}),
			tokens: []string{token},
		})
	}
	for _, r := range c.readers {
		select {
		case <-r.done:
		case <-time.After(30 * time.Second):
			c.Fatalf("%s does not get its last event", r.token)
		}
	}
	c.reading.Wait()
}

// check compares what every reader saw, and what is kept for it, with what was
// acknowledged.
func (c *clients) check() {
	for _, r := range c.readers {
		want := map[string]notifier.ID{}
		for word, p := range c.acked {
			if p.tokens == nil || slices.Contains(p.tokens, r.token) {
				want[word] = p.id
			}
		}
		c.compare(r.token+" read", r.seen, want)
		again := &reader{clients: c, token: r.token, done: make(chan struct{})}
		again.run()
		c.compare(r.token+" reads again", again.seen, want)
	}
}

func (c *clients) compare(who string, seen []seen, want map[string]notifier.ID) {
	before := notifier.ID{}
	for _, s := range seen {
		if id, ok := want[s.word]; !ok || id != s.id || s.id.Seq <= before.Seq {
			c.Errorf("%s %q as %v after %v, acknowledged as %v", who, s.word, s.id, before, id)
		}
		before = s.id
	}
	if len(seen) != len(want) {
		c.Errorf("%s %d events, %d were acknowledged", who, len(seen), len(want))
	}
}

// A seen is an event that came to a reader.
type seen struct {
	id   notifier.ID
	word string
}

// A reader reads all events of a token, and resumes where it was cut off.
type reader struct {
	*clients
	token string
	seen  []seen
	last  string
	done  chan struct{}
}

func (r *reader) run() {
	defer close(r.done)
	for !r.read() {
		if r.Context().Err() != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// read reads a stream to its end, and reports whether the last event has come.
func (r *reader) read() bool {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.url+"/events?since=all&token="+r.token, nil)
	if err != nil {
		r.Error(err)
		return true
	}
	if r.last != "" {
		req.Header.Set("Last-Event-ID", r.last)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	stream := ssetest.NewReader(resp.Body)
	for {
		ev, err := stream.Next()
		if err != nil {
			return false
		}
		if ev.Type != "message" {
			r.Errorf("%s got %s after %q: %s", r.token, ev.Type, r.last, ev.Data)
		}
		var data struct{ Data string }
		if err := json.Unmarshal([]byte(ev.Data), &data); err != nil {
			r.Errorf("%s got %q: %v", r.token, ev.Data, err)
		}
		r.last = ev.ID
		r.seen = append(r.seen, seen{r.parse(ev.ID), data.Data})
		if data.Data == "last of "+r.token {
			return true
		}
	}
}
