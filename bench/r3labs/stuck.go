package main

import (
	"errors"
	"time"
)

// outcome is how a load ended.
type outcome struct {
	accepted  int           // events that Publish took before it was through or blocked
	took      time.Duration // for those
	blocked   bool
	delivered int           // events that the worst-off healthy reader got, of these
	answered  int           // newcomers that got response headers
	recovered time.Duration // from the hang-up of the stuck reader to the last Publish
}

// publish runs the load, beside one reader of the same stream that never reads
// or without it.
func publish(l load, besideStuck bool) (outcome, error) {
	c, err := assemble(l, besideStuck)
	if err != nil {
		return outcome{}, err
	}
	defer c.disband()

	result := c.watch()
	if !result.blocked {
		within(patience, func() bool { return c.fewest() == l.events })
	}
	result.delivered = c.fewest()
	newcomers, err := c.arrive()
	if err != nil {
		return outcome{}, err
	}
	result.answered = answered(newcomers, l.wait)
	if besideStuck && result.blocked {
		hungUp := time.Now()
		c.silent.conn.Close()
		select {
		case <-c.published:
			result.recovered = time.Since(hungUp)
		case <-time.After(patience):
			return result, errors.New("the publisher stays blocked after the stuck reader hung up")
		}
	}
	return result, nil
}

// removeStream blocks a stream as publish does, lets newcomers come, removes
// the stream, ends the stuck reader and counts the newcomers without an answer.
// Their handlers wait for ever; only the end of the process ends them.
func removeStream(l load) (unanswered int, err error) {
	c, err := assemble(l, true)
	if err != nil {
		return 0, err
	}
	defer c.disband()

	c.watch()
	const register = "sse/v2.(*Stream).addSubscriber"
	before := goroutinesIn(register)
	newcomers, err := c.arrive()
	if err != nil {
		return 0, err
	}
	within(patience, func() bool { return goroutinesIn(register)-before == l.newcomers })
	c.peer.RemoveStream(crowded)
	c.silent.conn.Close()
	unanswered = l.newcomers - answered(newcomers, l.wait)
	c.peer.abandon()
	return unanswered, nil
}

// closeServer opens readers, closes the r3labs server, and counts the goroutines
// that then wait for ever to deregister a reader.
func closeServer(readers int) (leaked int, err error) {
	p, err := startPeer()
	if err != nil {
		return 0, err
	}
	defer p.close()
	for range readers {
		t, _, err := openStream(p.addr, crowded, "")
		if err != nil {
			return 0, err
		}
		defer t.conn.Close()
	}
	const deregister = "sse/v2.(*Subscriber).close"
	before := goroutinesIn(deregister)
	p.Close()
	within(patience, func() bool { return goroutinesIn(deregister)-before == readers })
	leaked = goroutinesIn(deregister) - before
	p.abandon()
	return leaked, nil
}
