package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// checkEnds finds out whether each side learns that the other has ended a stream.
// It needs control, and a token whose streams may be ended: our own.
func (e *exam) checkEnds(ctx context.Context) {
	if _, ok := e.online(ctx); !ok || !e.own {
		e.found("ends", Note, "not looked at: it needs the right to control, and a token that is nobody's")
		return
	}
	e.checkHangUp(ctx)
	e.checkEnd(ctx)
}

// checkHangUp goes away and looks whether the server notices. Some proxies notice
// only as they have something to send.
func (e *exam) checkHangUp(ctx context.Context) {
	s, err := e.open(ctx, "identity", nil, nil)
	if err != nil {
		e.found("hang-up", Problem, "the stream does not open: "+err.Error())
		return
	}
	s.next(e.Wait, named("notifier-ready"))
	s.close()
	if _, ok := e.gone(ctx); ok {
		e.found("hang-up", OK, "the server learns at once that a client has gone")
		return
	}
	for range samples {
		e.send(ctx) // if it fails, gone says so
		sleep(ctx, pause)
	}
	switch n, ok := e.gone(ctx); {
	case ok:
		e.advise("hang-up", Note, "the server learns that a client has gone as something is sent: a heartbeat or two later", hangUps)
	case !e.publish:
		e.advise("hang-up", Warning, fmt.Sprintf("%d streams that were closed are still open for the server after %s: perhaps until the next heartbeat", n, 2*e.Wait), hangUps)
	default:
		e.advise("hang-up", Problem, fmt.Sprintf("%d streams that were closed are still open for the server, even though something was sent: the proxy goes on reading for clients that have gone", n), hangUps)
	}
}

// gone waits until the server knows of no stream of ours, and is how many there
// are otherwise.
func (e *exam) gone(ctx context.Context) (left int, ok bool) {
	for over := time.Now().Add(e.Wait); time.Now().Before(over) && ctx.Err() == nil; sleep(ctx, 50*time.Millisecond) {
		if left, ok = e.online(ctx); ok && left == 0 {
			return 0, true
		}
	}
	return left, false
}

// checkEnd lets the server end a stream and looks whether that arrives.
func (e *exam) checkEnd(ctx context.Context) {
	s, err := e.open(ctx, "identity", nil, nil)
	if err != nil {
		e.found("end", Problem, "the stream does not open: "+err.Error())
		return
	}
	defer s.close()
	s.next(e.Wait, named("notifier-ready"))
	a, err := e.do(ctx, http.MethodDelete, "api/streams", url.Values{"token": {e.Token}}, e.credentials(), nil)
	if err != nil || a.StatusCode/100 != 2 {
		e.advise("end", Warning, "DELETE "+e.path("api/streams")+" does not get through: "+reason(a, err), posts)
		return
	}
	if s.ends(e.Wait) {
		e.found("end", OK, "clients learn that the server has ended a stream")
	} else {
		e.advise("end", Problem, fmt.Sprintf("a stream that the server has ended is still open after %s", e.Wait), buffering)
	}
}

// online is how many streams the server has open for our token, if it tells.
func (e *exam) online(ctx context.Context) (int, bool) {
	a, err := e.do(ctx, http.MethodGet, "api/streams", url.Values{"token": {e.Token}}, e.credentials(), nil)
	if err != nil || a.StatusCode != http.StatusOK {
		return 0, false
	}
	var r struct{ Streams int }
	err = json.Unmarshal(a.body, &r)
	return r.Streams, err == nil
}
