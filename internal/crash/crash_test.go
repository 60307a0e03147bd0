// Package crash kills the real program while clients use it, again and again, and
// holds what it promises them: an acknowledged event is there after any crash, once
// and in order, and a publisher that repeats what it has no answer to publishes it
// once.
package crash

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"
)

var rounds = flag.Int("crash.rounds", 3, "how often the server is killed")

// TestKill kills the server at random moments, among publishers that retry and
// readers that resume.
func TestKill(t *testing.T) {
	s := newServer(t)
	s.start()
	c := newClients(t, s.url)
	c.run()
	for range *rounds {
		time.Sleep(time.Duration(rand.Int64N(int64(500 * time.Millisecond))))
		s.kill()
		s.start()
	}
	c.stop()
	t.Logf("%d publications, %d answered as duplicates; opened in %v at most", c.published(), c.duplicates.Load(), s.slowest)
	c.check()
}
