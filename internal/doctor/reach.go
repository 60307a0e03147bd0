package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// reach reports whether streams can be opened at all. HEAD answers what GET
// would, and nothing holds back an answer without a body.
func (e *exam) reach(ctx context.Context) bool {
	a, err := e.do(ctx, http.MethodHead, "events", nil, e.subscriber(), nil)
	if err != nil {
		e.advise("reach", Problem, "no answer from "+e.URL.Redacted()+": "+err.Error(), unreachable)
		return false
	}
	e.checkProxy(ctx, a.Header)
	if a.StatusCode != http.StatusOK {
		if full, err := e.do(ctx, http.MethodGet, "events", nil, e.subscriber(), nil); err == nil {
			a = full // and HEAD says no reason
		}
		e.refused(a)
		return false
	}
	e.found("reach", OK, "HEAD "+e.path("events")+" is answered 200")
	e.checkVersion(a)
	e.checkUpstream(a)
	return true
}

// refused says why there is no stream.
func (e *exam) refused(a *answer) {
	switch s := a.StatusCode; {
	case s/100 == 3:
		e.advise("reach", Problem, fmt.Sprintf("redirected (%s) to %s: name that address to clients, as a redirected POST loses its body",
			a.Status, a.Header.Get("Location")), unreachable)
	case s == http.StatusUnauthorized && e.own:
		e.found("reach", Problem, "the server asks who you are (401): give a subscriber's credential with --token")
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		e.found("reach", Problem, fmt.Sprintf("refused (%s): %s", a.Status, a.detail()))
	case s == http.StatusNotFound:
		e.advise("reach", Problem, "nothing at "+e.path("events")+" (404): the path must begin with notifier's --base-path, unless the proxy strips it", unreachable)
	case s == http.StatusTooManyRequests:
		e.found("reach", Problem, "refused (429): "+a.detail())
	case s >= http.StatusInternalServerError:
		e.advise("reach", Problem, fmt.Sprintf("%s: the proxy does not reach notifier, or notifier is in trouble (see its /readyz)", a.Status), unreachable)
	default:
		e.advise("reach", Problem, "not answered by notifier: "+a.Status, unreachable)
	}
}

// checkVersion is about HTTP between the client and the proxy.
func (e *exam) checkVersion(a *answer) {
	const six = "browsers open at most six connections to an origin over all tabs"
	switch {
	case a.ProtoMajor >= 2:
		e.found("version", OK, a.Proto+": all tabs of a browser share one connection")
	case a.ProtoAtLeast(1, 1) && a.TLS != nil:
		e.advise("version", Warning, a.Proto+" over TLS: "+six+"; HTTP/2 has no such limit", multiplexing)
	case a.ProtoAtLeast(1, 1):
		e.advise("version", Warning, a.Proto+" without TLS: "+six+"; HTTP/2, which needs TLS in browsers, has no such limit", multiplexing)
	default:
		e.advise("version", Warning, a.Proto+": every request needs a connection of its own", multiplexing)
	}
}

// receivedHeader is how the server tells which version of HTTP has reached it.
const receivedHeader = "Notifier-Received"

// checkUpstream is about HTTP between the proxy and the server.
func (e *exam) checkUpstream(a *answer) {
	switch v := a.Header.Get(receivedHeader); {
	case v == "":
		e.found("upstream", Note, "the server did not say which version of HTTP reaches it")
	case strings.HasPrefix(v, "HTTP/1.0"):
		e.advise("upstream", Warning, "the proxy speaks HTTP/1.0 to the server: a connection for every request, and no difference between a stream's end and a failure", oldUpstream)
	default:
		e.found("upstream", OK, v+" reaches the server")
	}
}
