package doctor

import (
	"context"
	"net/http"
	"strings"
)

// checkOrigin asks as a page of that origin does.
func (e *exam) checkOrigin(ctx context.Context) {
	if e.Origin == "" {
		return
	}
	h := e.subscriber()
	h.Set("Origin", e.Origin)
	a, err := e.do(ctx, http.MethodHead, "events", nil, h, nil)
	if err != nil {
		e.found("origin", Problem, "no answer: "+err.Error())
		return
	}
	e.allowed("streams", a.Header)

	h = http.Header{
		"Origin":                         {e.Origin},
		"Access-Control-Request-Method":  {http.MethodGet},
		"Access-Control-Request-Headers": {"authorization"},
	}
	a, err = e.do(ctx, http.MethodOptions, "events", nil, h, nil)
	switch {
	case err != nil:
		e.found("origin", Problem, "OPTIONS gets no answer: "+err.Error())
	case a.StatusCode/100 != 2:
		e.advise("origin", Problem, "the preflight (OPTIONS) is answered "+a.Status+": it must reach the server, without credentials", origins)
	case e.allowed("preflights", a.Header) && !strings.Contains(strings.ToLower(a.Header.Get("Access-Control-Allow-Headers")), "authorization"):
		e.advise("origin", Problem, "the preflight does not allow the header Authorization", origins)
	}
}

// allowed looks at what lets a browser give an answer to the page.
func (e *exam) allowed(what string, h http.Header) bool {
	switch values := h["Access-Control-Allow-Origin"]; {
	case len(values) == 0:
		e.found("origin", Problem, what+" are not for pages of "+e.Origin+": start notifier with --allow-origin "+e.Origin)
	case len(values) > 1:
		e.advise("origin", Problem, "several Access-Control-Allow-Origin: browsers refuse that", origins)
	case values[0] != e.Origin && values[0] != "*":
		e.advise("origin", Problem, "Access-Control-Allow-Origin is "+values[0], origins)
	case h.Get("Access-Control-Allow-Credentials") != "true" || values[0] == "*":
		e.advise("origin", Warning, what+" work for pages of "+e.Origin+", but without cookies", origins)
	default:
		e.found("origin", OK, what+" are allowed for pages of "+e.Origin)
		return true
	}
	return false
}
