package journal

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"notifier"
)

// A committer decides on the order of publications and makes them durable. All
// that arrive while one round is written to disk go into the next: the busier the
// log, the more of them share an fsync, and a lone publisher waits for nobody.
//
// Rounds are made by a goroutine, or by a publisher that finds no round under way:
// handing a single publication over would take longer than preparing it.
//
// When the disk fails it refuses, and tries to open the index again until it can.
type committer struct {
	x       *index
	wake    chan struct{} // has room for one: there is something to do
	closing chan struct{}
	stopped chan struct{}

	mu      sync.Mutex
	tell    func([]notifier.Delivery)
	waiting []*job
	refusal error // why nothing is taken

	turn  sync.Mutex // held by whoever makes a round
	crowd float64    // jobs of a round, on average of the last few; only with turn

	// unknown is the batch of the round that failed. It may be on disk.
	unknown []notifier.Delivery
}

// A job is one call that changes the log.
type job struct {
	entries []*entry
	size    int
	forget  *hash

	acks      []notifier.Ack
	forgotten int
	err       error
	done      chan struct{}
}

// A round takes jobs up to maxRound bytes, or a single larger one.
const maxRound = 4 << 20

func newCommitter(x *index) *committer {
	return &committer{
		x:       x,
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		stopped: make(chan struct{}),
	}
}

// do has a job done and returns when it is. If ctx ends before the job's round has
// begun, the job is not done.
func (c *committer) do(ctx context.Context, j *job) error {
	j.done = make(chan struct{})
	if err := c.enqueue(j); err != nil {
		return err
	}
	if c.turn.TryLock() {
		c.myRound()
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
	}
	if c.withdraw(j) {
		return ctx.Err()
	}
	<-j.done
	return j.err
}

func (c *committer) enqueue(j *job) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusal != nil {
		return c.refusal
	}
	c.waiting = append(c.waiting, j)
	return nil
}

// myRound is a publisher's round, unless its job has been done meanwhile. A panic ends
// the process, as in the goroutine: whoever called might survive it, but nobody
// knows what it has left.
func (c *committer) myRound() {
	defer func() {
		if p := recover(); p != nil {
			go panic(p)
			select {}
		}
	}()
	if jobs := c.take(); len(jobs) > 0 {
		c.round(jobs)
	}
	c.endTurn()
}

// endTurn leaves it to the goroutine to make a round for those who came during one.
func (c *committer) endTurn() {
	c.turn.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) > 0 {
		c.poke()
	}
}

func (c *committer) withdraw(j *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.waiting, j)
	if i < 0 {
		return false
	}
	c.waiting = slices.Delete(c.waiting, i, i+1)
	return true
}

// poke has the committer look after the log, also if nobody appends.
func (c *committer) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// refuse has later calls refused, until it is called with nil. Those that wait are
// answered the same.
func (c *committer) refuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusal != errClosed {
		c.refusal = err
	}
	if err != nil {
		finish(c.waiting, err)
		c.waiting = nil
	}
}

// Health is why the log takes nothing, nil if it does.
func (c *committer) Health() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refusal
}

// close refuses later calls and returns when those under way are answered.
func (c *committer) close() {
	c.mu.Lock()
	c.refusal = errClosed
	c.mu.Unlock()
	close(c.closing)
	<-c.stopped
}

func (c *committer) run() {
	defer close(c.stopped)
	for {
		select {
		case <-c.wake:
			// Those who were answered just now may have the next publication ready:
			// without them every round would have half of all publishers.
			runtime.Gosched()
			c.turn.Lock()
			c.round(c.take())
			c.endTurn()
		case <-c.x.fence.down:
			c.turn.Lock()
			c.recover()
			c.turn.Unlock()
		case <-c.closing:
			c.turn.Lock()
			defer c.turn.Unlock()
			for jobs := c.take(); len(jobs) > 0; jobs = c.take() {
				c.round(jobs)
			}
			return
		}
	}
}

// take takes the jobs of the next round.
func (c *committer) take() []*job {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, size := 0, 0
	for n < len(c.waiting) && (n == 0 || size+c.waiting[n].size <= maxRound) {
		size += c.waiting[n].size
		n++
	}
	jobs := c.waiting[:n:n]
	c.waiting = c.waiting[n:]
	if len(c.waiting) == 0 {
		c.waiting = nil
	}
	return jobs
}

func finish(jobs []*job, err error) {
	for _, j := range jobs {
		j.err = err
		close(j.done)
	}
}

// round does jobs: durable, then readable, then told, then answered.
func (c *committer) round(jobs []*job) {
	if err := c.x.failed(); err != nil {
		c.fail(jobs, err)
		return
	}
	r := c.x.begin(time.Now())
	r.alone = c.alone(len(jobs))
	batch, err := c.fill(r, jobs)
	if err != nil {
		r.discard()
		c.fail(jobs, err)
		return
	}
	if err := r.apply(); err != nil {
		c.unknown = batch
		c.x.fence.fail(err)
		c.fail(jobs, err)
		return
	}
	c.x.meter.batch(len(batch))
	c.announce(batch)
	finish(jobs, nil)
}

// alone reports whether a round keeps hardly anybody waiting: others have come one by
// one of late. How many there are now says little of how many come meanwhile.
func (c *committer) alone(jobs int) bool {
	c.crowd += (float64(jobs) - c.crowd) / 8
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.crowd < 2 && len(c.waiting) == 0
}

// fail answers jobs that could not be done. If it is the disk, everybody else is
// refused before: whoever has seen the error sees why in Health.
func (c *committer) fail(jobs []*job, err error) {
	err = c.unavailable(err)
	if c.x.failed() != nil {
		c.refuse(err)
	}
	finish(jobs, err)
}

func (c *committer) follow(tell func([]notifier.Delivery)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tell = tell
}

func (c *committer) announce(batch []notifier.Delivery) {
	c.mu.Lock()
	tell := c.tell
	c.mu.Unlock()
	if tell != nil && len(batch) > 0 {
		tell(batch)
	}
}

func (c *committer) unavailable(err error) error {
	return fmt.Errorf("the journal in %s: %w: %w", c.x.dir, err, notifier.ErrUnavailable)
}

// fill puts what the jobs ask for into a round and answers each, and returns what
// there will be to tell. What is forgotten goes before what is appended with it.
func (c *committer) fill(r *round, jobs []*job) ([]notifier.Delivery, error) {
	if err := r.cool(); err != nil {
		return nil, err
	}
	var batch []notifier.Delivery
	for _, j := range jobs {
		if j.forget != nil {
			n, err := r.forget(*j.forget)
			if err != nil {
				return nil, err
			}
			j.forgotten = n
		}
	}
	for _, j := range jobs {
		j.acks = make([]notifier.Ack, len(j.entries))
		for i, e := range j.entries {
			known, err := c.known(r, e, &j.acks[i])
			if err != nil {
				return nil, err
			}
			if !known {
				d := r.deliver(e)
				j.acks[i].ID = d.Event.ID
				batch = append(batch, d)
			}
		}
	}
	return batch, nil
}

// known reports whether an entry's idempotency key is known, and answers it if so.
func (c *committer) known(r *round, e *entry, ack *notifier.Ack) (bool, error) {
	if e.key == allToken {
		return false, nil
	}
	first, known, err := r.claim(e.key)
	switch {
	case err != nil || !known:
	case first.digest != e.digest:
		ack.Err = notifier.ErrConflict
	default:
		ack.ID, ack.Duplicate = c.x.origin().At(first.seq), true
	}
	return known, err
}

// How long to wait before trying to open the index again.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// recover opens the index again after the disk failed, however long that takes.
// Then it tells of the batch that nobody was answered for, if it is there.
func (c *committer) recover() {
	cause := c.x.failed()
	c.x.log.Error("the journal cannot write", "dir", c.x.dir, "error", cause)
	c.refuse(c.unavailable(cause))
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		select {
		case <-time.After(wait):
		case <-c.closing:
			return
		}
		err := c.x.reopen()
		if err == nil {
			break
		}
		c.refuse(c.unavailable(err))
	}
	if n := len(c.unknown); n > 0 && c.unknown[n-1].Event.ID.Seq <= c.x.state.Load().last {
		c.announce(c.unknown)
	}
	c.unknown = nil
	c.x.log.Info("the journal writes again", "dir", c.x.dir)
	c.refuse(nil)
}
