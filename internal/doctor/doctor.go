// Package doctor examines what stands between clients and a notifier server: it
// opens streams and publishes as they do, and finds out what a proxy on the way
// does to them. Each thing it looks at becomes a [Finding], with advice for the
// proxy that is to blame.
//
// It speaks HTTP only and knows nothing of the server but its interface. It uses
// a token of its own, unless it is given a credential, and what it publishes is
// not kept. It changes no setting anywhere.
package doctor

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"net/http"
	"net/url"
	"time"
)

// Config says what to examine.
type Config struct {
	// URL is the server's as clients know it, with its base path.
	URL *url.URL
	// Token is a subscriber's credential; without one a random token is used,
	// which only servers without subscriber authentication take.
	Token string
	// To is the token that events for the credential are published to, if it is
	// neither the credential itself nor the subject of a JWT.
	To string
	// Key is the publisher's, if the server asks for one.
	Key string
	// Origin is of a page that reads the streams; "" skips what is about CORS.
	Origin string
	// Wait is how long to wait for what should come at once.
	Wait time.Duration
	// Idle is how long to stay on a stream on which nothing happens.
	Idle time.Duration
	// TLS is for connections; nil is as usual.
	TLS *tls.Config
}

// A Level is how bad a finding is.
type Level string

// The levels, from good to bad.
const (
	OK      Level = "ok"
	Note    Level = "note" // nothing wrong, or not looked at
	Warning Level = "warning"
	Problem Level = "problem"
)

// A Finding is the result of one check.
type Finding struct {
	Check  string   `json:"check"`
	Level  Level    `json:"level"`
	Text   string   `json:"text"`
	Advice []Advice `json:"advice,omitempty"`
}

// An exam is one examination. It is used by one goroutine.
type exam struct {
	Config
	client  *http.Client
	say     func(Finding)
	own     bool    // the token is random, and nobody else's
	proxies []proxy // that have shown themselves
	publish bool    // the server takes our publications
}

// Examine calls say with every finding as it is made, and returns when there is
// nothing left to look at or ctx ends.
func Examine(ctx context.Context, cfg Config, say func(Finding)) {
	e := newExam(cfg, say)
	defer e.client.CloseIdleConnections()
	e.run(ctx)
}

func newExam(cfg Config, say func(Finding)) *exam {
	transport := &http.Transport{
		DisableCompression: true, // what to accept is part of the examination
		ForceAttemptHTTP2:  true,
		TLSClientConfig:    cfg.TLS,
		Proxy:              http.ProxyFromEnvironment,
	}
	e := &exam{Config: cfg, say: say, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if e.own = cfg.Token == ""; e.own {
		e.Token = "notifier-doctor-" + rand.Text()
	}
	e.To = cmp.Or(e.To, subject(e.Token), e.Token)
	return e
}

// run goes from what everything else needs to what takes longest.
func (e *exam) run(ctx context.Context) {
	if !e.reach(ctx) {
		return
	}
	e.checkPublish(ctx)
	streams := e.checkFirst(ctx)
	if streams {
		e.checkCompression(ctx)
		e.checkEvents(ctx)
		e.checkResume(ctx)
		e.checkEnds(ctx)
	}
	e.checkOrigin(ctx)
	if streams {
		e.checkIdle(ctx)
	}
}

func (e *exam) found(check string, level Level, text string) {
	e.say(Finding{Check: check, Level: level, Text: text})
}

// advise is found, with what to do about it.
func (e *exam) advise(check string, level Level, text string, about topic) {
	e.say(Finding{Check: check, Level: level, Text: text, Advice: e.adviceOn(about)})
}
