package node

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"notifier"
)

// guard keeps a server that asks nobody for credentials to this machine. That it
// listens on loopback is not enough: a proxy beside it lets the world in, and so
// does a browser, for pages from anywhere, and for those of a name that suddenly
// resolves to 127.0.0.1.
func (n *Node) guard(next http.Handler) http.Handler {
	if !n.cfg.LocalOnly() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := n.foreign(r); err != nil {
			n.answer(func(http.ResponseWriter, *http.Request) error { return err }).ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// proxyHeaders are what proxies add to a request that they pass on.
var proxyHeaders = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"}

// foreign is the refusal of a request that shows that it is from elsewhere, nil for
// one that does not.
func (n *Node) foreign(r *http.Request) error {
	const set = "; this server asks for no credentials and so is for this machine only: set --auth and --api-key, or --insecure-open"
	for _, name := range proxyHeaders {
		if r.Header[name] != nil {
			return notifier.Denied{{Field: name, Detail: "is what a proxy adds" + set}}
		}
	}
	if !isLoopbackHost(r.Host) {
		return notifier.Denied{{Field: "Host", Detail: "is not localhost or a loopback address" + set}}
	}
	if origin := r.Header.Get("Origin"); origin != "" && !n.anyOrigin() && !n.trusts(origin) {
		return notifier.Denied{{Field: "Origin", Detail: "is that of a page from elsewhere" + set + ", or --allow-origin for its pages"}}
	}
	return nil
}

// isLoopbackHost reports whether a host, with or without a port, names this machine
// whatever a name server says.
func isLoopbackHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback()
}

// guardAdmin keeps pages from a private listener on loopback, in the same way. It
// asks for no credentials on any other address either, but there somebody has chosen
// who can reach it.
func (n *Node) guardAdmin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if isLoopbackHost(n.cfg.AdminListen) && (!isLoopbackHost(r.Host) || origin != "" && !isLoopbackOrigin(origin)) {
			err := notifier.Denied{{Field: "Host", Detail: "and Origin must be localhost or a loopback address, as admin-listen is"}}
			n.answer(func(http.ResponseWriter, *http.Request) error { return err }).ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// warnOpen says what is open to whom, if anything is.
func (n *Node) warnOpen() {
	publishing, reading := !n.cfg.HasPublishers(), n.cfg.Auth == "open"
	switch {
	case n.cfg.LocalOnly():
		n.log.Info("no credentials are asked for: the server is for this machine only, and refuses what came through a proxy")
	case publishing || reading:
		n.log.Warn("insecure-open: whoever reaches the server needs no credentials", "to-publish", publishing, "to-read", reading)
	}
}
