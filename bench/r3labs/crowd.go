package main

import (
	"bufio"
	"bytes"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/r3labs/sse/v2"
)

// load is what is published to one stream, and who reads it.
type load struct {
	events, size int           // count, and bytes of data in each
	healthy      int           // readers that read all the time
	newcomers    int           // readers that come once the publisher is through or blocked
	quiet        time.Duration // so long without progress, Publish counts as blocked
	wait         time.Duration // so long without headers, a newcomer counts as unanswered
}

// crowded is the stream that a crowd shares.
const crowded = "crowded"

// crowd is a server, the readers of one of its streams and a publisher at work.
type crowd struct {
	load
	peer     *peer
	tabs     []*tab         // all that were opened
	readers  []*eventReader // the healthy ones
	silent   *tab           // never reads; nil without one
	accepted atomic.Int64
	// published is closed by the publishing goroutine when it ends.
	published chan struct{}
}

// assemble connects the readers and starts to publish. The caller disbands.
func assemble(l load, besideStuck bool) (*crowd, error) {
	p, err := startPeer()
	if err != nil {
		return nil, err
	}
	c := &crowd{load: l, peer: p, published: make(chan struct{})}
	for range l.healthy {
		t, response, err := openStream(p.addr, crowded, "")
		if err != nil {
			c.disband()
			return nil, err
		}
		c.tabs = append(c.tabs, t)
		r := new(eventReader)
		c.readers = append(c.readers, r)
		go r.run(response.Body)
	}
	if besideStuck {
		if c.silent, _, err = openStream(p.addr, crowded, ""); err != nil {
			c.disband()
			return nil, err
		}
		c.tabs = append(c.tabs, c.silent)
	}
	go c.publish()
	return c, nil
}

// disband hangs up for everyone, which also ends the publisher.
func (c *crowd) disband() {
	for _, t := range c.tabs {
		t.conn.Close()
	}
	c.peer.close()
}

// publish is the publisher, as fast as r3labs takes the events.
func (c *crowd) publish() {
	defer close(c.published)
	data := bytes.Repeat([]byte("x"), c.size)
	for range c.events {
		c.peer.Publish(crowded, &sse.Event{Data: data})
		c.accepted.Add(1)
	}
}

// watch waits until the publisher is through or blocked.
func (c *crowd) watch() outcome {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	start := time.Now()
	last, lastAt := 0, start
	for {
		select {
		case <-c.published:
			return outcome{accepted: c.events, took: time.Since(start)}
		case now := <-tick.C:
			if n := int(c.accepted.Load()); n != last {
				last, lastAt = n, now
			} else if now.Sub(lastAt) > c.quiet {
				return outcome{accepted: last, took: lastAt.Sub(start), blocked: true}
			}
		}
	}
}

// fewest is the number of events that the worst-off healthy reader has.
func (c *crowd) fewest() int {
	fewest := c.events
	for _, r := range c.readers {
		fewest = min(fewest, int(r.events.Load()))
	}
	return fewest
}

// arrive opens the newcomers' connections without waiting for answers. They
// name an id at the end of the log, so that no replay is owed to them.
func (c *crowd) arrive() ([]*tab, error) {
	for range c.newcomers {
		t, err := openTab(c.peer.addr, crowded, strconv.Itoa(c.events))
		if err != nil {
			return nil, err
		}
		c.tabs = append(c.tabs, t)
	}
	return c.tabs[len(c.tabs)-c.newcomers:], nil
}

// answered counts the tabs that get response headers in time, and hangs up.
func answered(tabs []*tab, wait time.Duration) int {
	var count atomic.Int64
	var all sync.WaitGroup
	for _, t := range tabs {
		all.Go(func() {
			defer t.conn.Close()
			if _, err := t.response(wait); err == nil {
				count.Add(1)
			}
		})
	}
	all.Wait()
	return int(count.Load())
}

// eventReader counts the events that arrive on one stream.
type eventReader struct{ events atomic.Int64 }

// run reads to the end of the stream.
func (r *eventReader) run(stream io.Reader) {
	lines := bufio.NewReaderSize(stream, 32<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		if bytes.HasPrefix(line, []byte("data:")) {
			r.events.Add(1)
		}
	}
}
