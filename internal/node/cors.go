package node

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rs/cors"

	"notifier/internal/config"
)

// cors lets pages of other origins read what is answered: those that were named,
// and in a server for this machine only those of this machine. They may have cookies
// sent along, unless every page may read.
func (n *Node) cors(next http.Handler) http.Handler {
	o := cors.Options{
		// PUT and PATCH too, so that a page can read that they are not taken.
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodPatch},
		AllowedHeaders: []string{"Authorization", "Cache-Control", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-API-Key"},
		ExposedHeaders: []string{"Retry-After"},
		MaxAge:         600,
	}
	every := o
	every.AllowedOrigins = []string{"*"}
	o.AllowOriginFunc = n.trusts
	o.AllowCredentials = true
	forEvery, forNamed := cors.New(every).Handler(next), cors.New(o).Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isFromNoPage(r):
			next.ServeHTTP(w, r)
		case n.anyOrigin():
			forEvery.ServeHTTP(w, r)
		default:
			forNamed.ServeHTTP(w, r)
		}
	})
}

// isFromNoPage reports whether there is nothing to be said to a page. The answer to a
// GET varies even without an origin: a cache may keep it for one.
func isFromNoPage(r *http.Request) bool {
	return r.Method == http.MethodPost && r.Header["Origin"] == nil
}

// reloadOrigins is a [reload].
func (n *Node) reloadOrigins(cfg config.Config) (apply func(), err error) {
	return func() { n.origins.Store(&cfg.AllowOrigin) }, nil
}

// anyOrigin reports whether pages of every origin may read, without credentials.
func (n *Node) anyOrigin() bool { return slices.Equal(*n.origins.Load(), []string{"*"}) }

// trusts reports whether pages of an origin are as good as our own; most requests
// are from no page, and have none.
func (n *Node) trusts(origin string) bool {
	if origin == "" {
		return false
	}
	if n.cfg.LocalOnly() && isLoopbackOrigin(origin) {
		return true
	}
	return slices.ContainsFunc(*n.origins.Load(), func(allowed string) bool { return matches(allowed, origin) })
}

// matches reports whether an origin is the allowed one, or, if that is a pattern
// like https://*.example.com, one of a name below it.
func matches(allowed, origin string) bool {
	before, after, isPattern := strings.Cut(allowed, "*.")
	if !isPattern {
		return origin == allowed
	}
	name, ok := strings.CutPrefix(origin, before)
	name, ok2 := strings.CutSuffix(name, "."+after)
	// Browsers send nothing else, but who says that this is one?
	return ok && ok2 && name != "" && !strings.ContainsAny(name, "/:@")
}

func isLoopbackOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && origin == u.Scheme+"://"+u.Host && isLoopbackHost(u.Host)
}
