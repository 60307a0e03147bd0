package node

import (
	"net/http"
	"net/http/pprof"
	"strings"

	"notifier"
)

// profile answers GET /debug/pprof/. A page of another site cannot read the answer,
// but it could have the server trace itself, or collect garbage, again and again; so
// browsers are not answered on its behalf. Of the profiles that there are the command
// line is left out: secrets may be on it.
func (n *Node) profile(w http.ResponseWriter, r *http.Request) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return notifier.Denied{{Field: "Sec-Fetch-Site", Detail: "is that of another site; enter the address yourself"}}
	}
	switch strings.TrimPrefix(r.URL.Path, "/debug/pprof/") {
	case "profile":
		pprof.Profile(w, r)
	case "symbol":
		pprof.Symbol(w, r)
	case "trace":
		pprof.Trace(w, r)
	default:
		pprof.Index(w, r)
	}
	return nil
}
