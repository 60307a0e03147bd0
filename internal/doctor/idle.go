package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// usual is the idle timeout that most proxies come with; the heartbeat should
// stay well below.
const usual = 60 * time.Second

// A silence is what was seen of a stream on which nothing was published.
type silence struct {
	lasted  time.Duration
	beats   int
	longest time.Duration // without a byte, between two
	last    time.Duration // since the last byte
	why     string        // that the server gave for the end
	ended   bool
}

// checkIdle stays on a stream on which nothing happens.
func (e *exam) checkIdle(ctx context.Context) {
	s, err := e.open(ctx, "identity", nil, nil)
	if err != nil {
		e.found("idle", Problem, "the stream does not open: "+err.Error())
		return
	}
	defer s.close()
	e.judge(s.watch(ctx, e.Idle))
}

// watch reads for a time, or until the stream ends.
func (s *stream) watch(ctx context.Context, length time.Duration) (q silence) {
	over := time.After(length)
	last := s.began
	for {
		select {
		case i, open := <-s.items:
			if !open {
				q.ended = true
				q.lasted, q.last = time.Since(s.began), time.Since(last)
				return q
			}
			if i.name == "notifier-ping" {
				q.beats++
				q.longest = max(q.longest, i.at.Sub(last))
			}
			if i.name == "notifier-close" {
				q.why = closeReason(i.data)
			}
			last = i.at
		case <-over:
			q.lasted, q.last = time.Since(s.began), time.Since(last)
			return q
		case <-ctx.Done():
			return q
		}
	}
}

func closeReason(data string) string {
	var r struct{ Reason string }
	if json.Unmarshal([]byte(data), &r) != nil || r.Reason == "" {
		return "unknown"
	}
	return r.Reason
}

func (e *exam) judge(q silence) {
	switch {
	case q.why != "":
		e.found("idle", Note, fmt.Sprintf("the server itself ended the stream after %s (%s)", about(q.lasted), q.why))
	case q.ended && q.beats == 0:
		e.advise("idle", Problem, fmt.Sprintf("cut after %s of silence: a proxy's idle timeout is shorter than the server's --heartbeat", about(q.last)), idling)
	case q.ended:
		e.advise("idle", Problem, fmt.Sprintf("cut after %s, though there was a heartbeat every %s: a proxy limits how long an answer may take", about(q.lasted), about(q.longest)), idling)
	case q.lasted == 0: // interrupted
	case q.beats == 0:
		e.advise("idle", Warning, fmt.Sprintf("no heartbeat within %s: wait longer with --idle, or lower the server's --heartbeat", about(q.lasted)), idling)
	case q.longest > usual*3/4:
		e.advise("idle", Warning, fmt.Sprintf("a heartbeat every %s: many proxies end a connection after %s of silence; lower the server's --heartbeat", about(q.longest), usual), idling)
	default:
		e.found("idle", OK, fmt.Sprintf("the stream stayed open for %s, with a heartbeat every %s", about(q.lasted), about(q.longest)))
	}
}
