package node

import (
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/julienschmidt/httprouter"

	"notifier"
	"notifier/internal/problem"
)

// routes is every path of the main listener.
func (n *Node) routes() http.Handler {
	r := n.router()
	n.get(r, "/livez", n.live)
	n.get(r, "/readyz", n.ready)

	events := received(n.hub.Events(n.authorize))
	n.get(r, "/events", events)

	for _, api := range []string{"/api", "/api/"} { // the old server took both
		n.get(r, api, n.hello)
		n.publish(r, api, n.intake.Publish)
	}
	n.publish(r, "/api/batch", n.intake.Batch)
	n.get(r, "/api/streams", n.publisher(notifier.MayControl, n.listStreams))
	n.handle(r, http.MethodDelete, "/api/streams", n.publisher(notifier.MayControl, n.closeStreams))
	n.get(r, "/api/events", n.publisher(notifier.MayControl, n.listEvents))
	n.handle(r, http.MethodDelete, "/api/events", n.publisher(notifier.MayControl, n.forgetEvents))
	n.handle(r, http.MethodPost, "/api/tickets", n.publisher(notifier.MayTicket, n.issueTicket))
	n.get(r, "/api/deny", n.publisher(notifier.MayControl, n.listDenied))
	n.handle(r, http.MethodPost, "/api/deny", n.publisher(notifier.MayControl, n.deny))
	n.handle(r, http.MethodDelete, "/api/deny", n.publisher(notifier.MayControl, n.liftDenial))

	if n.cfg.Development() {
		for _, path := range pagePaths() {
			n.get(r, path, n.page)
		}
		if n.cfg.BasePath != "" {
			n.get(r, "", n.toPage)
		}
	}
	return n.cors(n.guard(r))
}

// adminRoutes is every path of the private listener.
func (n *Node) adminRoutes() http.Handler {
	r := n.router()
	r.HandlerFunc(http.MethodGet, "/debug/pprof/*profile", func(w http.ResponseWriter, req *http.Request) {
		switch strings.TrimPrefix(req.URL.Path, "/debug/pprof/") {
		case "cmdline":
			pprof.Cmdline(w, req)
		case "profile":
			pprof.Profile(w, req)
		case "symbol":
			pprof.Symbol(w, req)
		case "trace":
			pprof.Trace(w, req)
		default:
			pprof.Index(w, req)
		}
	})
	r.Handler(http.MethodGet, "/metrics", n.metrics())
	r.Handler(http.MethodGet, "/log-level", n.answer(n.logLevel))
	r.Handler(http.MethodPut, "/log-level", n.answer(n.setLogLevel))
	return n.guardAdmin(r)
}

// router never redirects: a redirected POST would lose its body, and a stream its
// Last-Event-ID.
func (n *Node) router() *httprouter.Router {
	r := httprouter.New()
	r.RedirectTrailingSlash = false
	r.RedirectFixedPath = false
	r.NotFound = n.nothing(problem.ErrNotFound)
	r.MethodNotAllowed = n.nothing(problem.ErrMethodNotAllowed)
	return r
}

func (n *Node) nothing(err error) http.Handler {
	return n.answer(n.access.others("other", func(http.ResponseWriter, *http.Request) error { return err }))
}

func (n *Node) handle(r *httprouter.Router, method, path string, f handler) {
	path = n.cfg.BasePath + path
	r.Handler(method, path, n.answer(n.access.others(path, f)))
}

// publish handles requests to publish, which the access log tells more of.
func (n *Node) publish(r *httprouter.Router, path string, f publishHandler) {
	authenticated := func(f publisherHandler) handler { return n.publisher(notifier.MayPublish, f) }
	logged := n.access.publishes(n.cfg.BasePath+path, authenticated, f)
	r.Handler(http.MethodPost, n.cfg.BasePath+path, n.answer(n.observed(path, logged)))
}

// get handles HEAD too, which httprouter does not derive from GET.
func (n *Node) get(r *httprouter.Router, path string, f handler) {
	n.handle(r, http.MethodGet, path, f)
	n.handle(r, http.MethodHead, path, f)
}

// A handler answers a request, or returns an error and has not answered.
type handler func(http.ResponseWriter, *http.Request) error

// answer turns a handler's error, and its panic, into a problem.
func (n *Node) answer(f handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				n.log.Error("panic", "method", r.Method, "path", r.URL.Path, "panic", p)
				panic(http.ErrAbortHandler) // the answer may have begun
			}
		}()
		if err := f(w, r); err != nil {
			n.refused(err)
			n.logError(r, err)
			problem.Write(w, err)
		}
	})
}

// logError tells the operator what clients are not told: what failed, and, if asked
// for, why a credential was refused.
func (n *Node) logError(r *http.Request, err error) {
	switch p := problem.Of(err); {
	case p.Status >= 500:
		n.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "status", p.Status, "err", err)
	case p.Status == http.StatusUnauthorized:
		n.log.Debug("request refused", "method", r.Method, "path", r.URL.Path, "err", err)
	}
}
