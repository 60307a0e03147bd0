package node

import (
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/julienschmidt/httprouter"

	"notifier"
	"notifier/examples/browser"
	"notifier/internal/console"
	"notifier/internal/problem"
)

// routes is every path of the main listener. route finds the handler of many requests
// at once, or none.
func (n *Node) routes() (all http.Handler, route func(*http.Request) http.Handler) {
	s := &surface{n.router(), n, n.cfg.BasePath, n.publishers}
	s.get("/livez", n.live)
	s.get("/readyz", n.ready)
	s.get("/events", received(n.hub.Events(n.authorize)))
	s.publisherRoutes()
	if n.cfg.Development() {
		s.pages(browser.Files)
		if n.cfg.BasePath != "" {
			s.get("", n.toPage)
		}
	}
	return n.cors(n.guard(s)), s.direct
}

// direct is who serves requests with the head of r, once that has been looked at; nil
// if each of them must be.
func (s *surface) direct(r *http.Request) http.Handler {
	found, params, _ := s.Lookup(r.Method, r.URL.Path)
	if found == nil || !isFromNoPage(r) || s.node.cfg.LocalOnly() && s.node.foreign(r) != nil {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { found(w, r, params) })
}

// publisherRoutes is every path for publishers.
func (s *surface) publisherRoutes() {
	n := s.node
	for _, api := range []string{"/api", "/api/"} { // the old server took both
		s.get(api, n.hello)
		s.publish(api, n.intake.Publish)
	}
	s.publish("/api/batch", n.intake.Batch)
	s.get("/api/streams", s.publisher(notifier.MayControl, n.listStreams))
	s.handle(http.MethodDelete, "/api/streams", s.publisher(notifier.MayControl, n.closeStreams))
	s.get("/api/events", s.publisher(notifier.MayControl, n.listEvents))
	s.handle(http.MethodDelete, "/api/events", s.publisher(notifier.MayControl, n.forgetEvents))
	s.handle(http.MethodPost, "/api/tickets", s.publisher(notifier.MayTicket, n.issueTicket))
	s.get("/api/deny", s.publisher(notifier.MayControl, n.listDenied))
	s.handle(http.MethodPost, "/api/deny", s.publisher(notifier.MayControl, n.deny))
	s.handle(http.MethodDelete, "/api/deny", s.publisher(notifier.MayControl, n.liftDenial))
}

// adminRoutes is every path of the private listener.
func (n *Node) adminRoutes() http.Handler {
	s := &surface{n.router(), n, "", n.operators}
	s.get("/readyz", n.ready)
	s.publisherRoutes()
	s.pages(console.Files)
	s.Handler(http.MethodGet, "/debug/pprof/*profile", n.answer(n.profile))
	s.Handler(http.MethodGet, "/metrics", n.metrics())
	s.Handler(http.MethodGet, "/log-level", n.answer(n.logLevel))
	s.Handler(http.MethodPut, "/log-level", n.answer(n.setLogLevel))
	return n.hurried(n.guardAdmin(s))
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

// A surface is what a listener offers.
type surface struct {
	*httprouter.Router
	node       *Node
	base       string                                           // before every path of its methods
	publishers func(*http.Request) (*notifier.Publisher, error) // says who a request is from
}

func (s *surface) handle(method, path string, f handler) {
	path = s.base + path
	s.Handler(method, path, s.node.answer(s.node.access.others(path, f)))
}

// publish handles requests to publish, which the access log tells more of.
func (s *surface) publish(path string, f publishHandler) {
	path = s.base + path
	admit := func(r *http.Request) (*notifier.Publisher, error) { return s.admit(r, notifier.MayPublish) }
	logged := s.node.access.publishes(path, admit, f)
	s.Handler(http.MethodPost, path, s.node.answer(s.node.observed(path, logged)))
}

// get handles HEAD too, which httprouter does not derive from GET.
func (s *surface) get(path string, f handler) {
	s.handle(http.MethodGet, path, f)
	s.handle(http.MethodHead, path, f)
}

// A handler answers a request, or returns an error and has not answered.
type handler func(http.ResponseWriter, *http.Request) error

// answer turns a handler's error, and its panic, into a problem.
func (n *Node) answer(f handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				n.log.Error("panic", "method", r.Method, "path", r.URL.Path, "panic", panicked(p), "stack", string(debug.Stack()))
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

// panicked is what is told of a panic: Go's own words. Others may be made of what a
// client has sent, and so only their type is. A stack has no words.
func panicked(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
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
