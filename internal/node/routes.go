package node

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/julienschmidt/httprouter"
	"github.com/rs/cors"

	"notifier"
	"notifier/examples/browser"
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
		n.page(r)
	}
	return n.cors().Handler(r)
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
	return r
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

// cors allows any origin in development mode, and otherwise those that were named.
func (n *Node) cors() *cors.Cors {
	o := cors.Options{
		AllowedOrigins: n.cfg.AllowOrigin,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete},
		AllowedHeaders: []string{"Authorization", "Cache-Control", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-API-Key"},
		ExposedHeaders: []string{"Retry-After"},
		// Browsers send cookies to a stream only if told that they may.
		AllowCredentials: true,
		MaxAge:           600,
	}
	switch {
	case len(n.cfg.AllowOrigin) > 0:
	case n.cfg.Development():
		o.AllowOriginFunc = func(string) bool { return true }
	default:
		o.AllowOriginFunc = func(string) bool { return false }
	}
	return cors.New(o)
}

// page serves the demo page at the root. Its files are listed rather than
// matched, since a wildcard there would shadow every other path.
func (n *Node) page(r *httprouter.Router) {
	files := http.FileServerFS(browser.Files)
	serve := func(w http.ResponseWriter, req *http.Request) error {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		http.StripPrefix(n.cfg.BasePath, files).ServeHTTP(w, req)
		return nil
	}
	n.get(r, "/", serve)
	err := fs.WalkDir(browser.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && name != "index.html" {
			n.get(r, "/"+name, serve)
		}
		return err
	})
	if err != nil {
		panic(errors.Join(errors.New("embedded files"), err)) // cannot happen: they are in the binary
	}
	if n.cfg.BasePath != "" {
		n.get(r, "", func(w http.ResponseWriter, req *http.Request) error {
			http.Redirect(w, req, n.cfg.BasePath+"/", http.StatusFound) // the page's links are relative
			return nil
		})
	}
}
