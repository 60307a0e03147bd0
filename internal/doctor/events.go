package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// checkPublish finds out whether POST reaches the server, and whether it takes
// our events.
func (e *exam) checkPublish(ctx context.Context) {
	_, a, err := e.send(ctx)
	switch {
	case err != nil:
		e.advise("publish", Problem, "POST "+e.path("api")+" gets no answer: "+err.Error(), posts)
	case a.StatusCode == http.StatusOK && a.ours():
		e.publish = true
		e.found("publish", OK, "POST "+e.path("api")+" reaches the server and is taken")
	case (a.StatusCode == http.StatusUnauthorized || a.StatusCode == http.StatusForbidden) && a.ours():
		text := "POST reaches the server, which asks for a key: with --key more can be looked at"
		level := Note
		if e.Key != "" {
			text, level = fmt.Sprintf("POST reaches the server, which refuses the key (%s)", a.Status), Problem
		}
		e.found("publish", level, text)
	case a.ours():
		e.found("publish", Problem, fmt.Sprintf("POST reaches the server, which answers %s", a.Status))
	default:
		e.advise("publish", Problem, fmt.Sprintf("POST %s is answered %s, and not by the server", e.path("api"), a.Status), posts)
	}
}

const (
	samples = 3
	pause   = 300 * time.Millisecond // between samples, so that lumps show
	delay   = 100 * time.Millisecond // later than the answer: somebody waits for more to send
	lump    = time.Second            // later than the answer: events come in lumps
)

// checkEvents publishes some events and looks at when they arrive.
func (e *exam) checkEvents(ctx context.Context) {
	if !e.publish {
		e.found("events", Note, "not looked at: it needs publishing")
		return
	}
	s, err := e.open(ctx, "identity", nil, nil)
	if err != nil {
		e.found("events", Problem, "the stream does not open: "+err.Error())
		return
	}
	defer s.close()
	if _, ok := s.next(e.Wait, named("notifier-ready")); !ok {
		e.found("events", Problem, "the stream does not begin")
		return
	}
	var worst, late time.Duration
	for range samples {
		sent := time.Now()
		id, a, err := e.send(ctx)
		if err != nil || id == "" {
			e.found("events", Problem, "publishing fails: "+reason(a, err))
			return
		}
		answered := time.Now()
		ev, ok := s.next(e.Wait, func(i item) bool { return i.id == id })
		if !ok {
			e.advise("buffering", Problem, fmt.Sprintf("an event does not arrive within %s of its publication: the proxy holds it back", e.Wait), buffering)
			return
		}
		worst, late = max(worst, ev.at.Sub(sent)), max(late, ev.at.Sub(answered))
		sleep(ctx, pause)
	}
	e.judgeDelay(worst, late)
}

// judgeDelay is about the slowest event: how long after it was sent it came, and
// how long after its publisher had an answer. The second does not depend on how
// far away the server is.
func (e *exam) judgeDelay(worst, late time.Duration) {
	switch {
	case late > lump:
		e.advise("buffering", Problem, "an event arrives "+about(late)+" later than its publisher's answer: the proxy sends in lumps", buffering)
	case late > delay:
		e.advise("buffering", Warning, "an event arrives "+about(late)+" later than its publisher's answer: the proxy waits for more to send", buffering)
	default:
		e.found("events", OK, "arrive within "+about(worst)+" of their publication, one by one")
	}
}

// checkResume goes on after a known id, as clients do that were cut off.
func (e *exam) checkResume(ctx context.Context) {
	s, err := e.open(ctx, "identity", nil, nil)
	if err != nil {
		e.found("resume", Problem, "the stream does not open: "+err.Error())
		return
	}
	ready, ok := s.next(e.Wait, named("notifier-ready"))
	s.close()
	if !ok {
		e.found("resume", Problem, "the stream does not begin")
		return
	}
	if e.resumes(ctx, nil, http.Header{"Last-Event-ID": {ready.id}}) {
		e.found("resume", OK, "Last-Event-ID reaches the server")
	} else {
		e.advise("resume", Problem, "Last-Event-ID does not reach the server: clients that reconnect miss events", lastEventID)
	}
	if e.resumes(ctx, url.Values{"lastEventId": {ready.id}}, nil) {
		e.found("resume", OK, "lastEventId in the query reaches the server")
	} else {
		e.advise("resume", Problem, "lastEventId in the query does not reach the server", queries)
	}
}

func (e *exam) resumes(ctx context.Context, query url.Values, header http.Header) bool {
	s, err := e.open(ctx, "identity", query, header)
	if err != nil {
		return false
	}
	defer s.close()
	ready, ok := s.next(e.Wait, named("notifier-ready"))
	return ok && ready.data == `{"resumed":true}`
}

// reason is why a request failed, which err or else its answer says.
func reason(a *answer, err error) string {
	if err != nil {
		return err.Error()
	}
	return a.Status
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
