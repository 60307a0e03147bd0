// Package node is one notifier process without its flags and signals: it wires
// the journal, the hub and the HTTP surface together, starts them and stops them
// in the right order.
//
// routes.go is the whole HTTP surface. Everything that is decided about
// publications or streams is decided in other packages.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"notifier"
	"notifier/auth"
	"notifier/ingest"
	"notifier/internal/config"
	"notifier/internal/express"
	"notifier/internal/tracing"
	"notifier/journal"
	"notifier/stream"
)

// A Node is one process: listeners, a journal, a hub. It is run once.
type Node struct {
	cfg config.Config
	log *slog.Logger
	// level is what the log begins at.
	level *slog.LevelVar

	main, admin net.Listener // admin may be nil
	keys        *keyPair     // nil without certificates in files
	authority   *authority   // nil without certificates by ACME

	journal   journal.Log
	hub       *stream.Hub
	express   *express.Express // set by Run
	intake    *ingest.Intake
	authorize stream.Authorize
	tickets   *auth.Tickets
	denied    *auth.DenyList
	// publishers says who a request to publish or to control is from.
	publishers func(*http.Request) (*notifier.Publisher, error)
	keyring    *keyring    // nil if anyone may publish
	jwt        *auth.JWT   // nil if nobody may have one
	presence   *presence   // nil if not announced
	closers    []io.Closer // of authentication, last opened first closed

	limits     *limits
	access     *accessLog
	ends       *ends
	refusals   refusals
	results    results
	files      int          // the process may open, 0 if that is not known
	used       int          // of them, before anybody connects
	conns      atomic.Int64 // open, but for those that streams have taken over
	prober     prober
	tracer     *tracing.Tracer // nil without traces
	maxStreams atomic.Int64    // 0 for any number
	draining   atomic.Bool

	origins   atomic.Pointer[[]string] // of pages that may read
	reloading sync.Mutex
	running   config.Config // cfg with what was reloaded
}

// New opens the journal and the listeners that the configuration names.
func New(cfg config.Config, log *slog.Logger) (_ *Node, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	log, _ = withLevel(log, cfg.LogLevel)
	var opened []io.Closer
	defer func() {
		for _, c := range opened {
			if err != nil {
				c.Close()
			}
		}
	}()
	var keys *keyPair
	if cfg.TLSCert != "" {
		if keys, err = newKeyPair(cfg.TLSCert, cfg.TLSKey, log); err != nil {
			return nil, err
		}
	}
	events, err := OpenJournal(cfg, log)
	if err != nil {
		return nil, err
	}
	opened = append(opened, events)
	open, err := inherited()
	if err != nil {
		return nil, err
	}
	main, err := open.listen(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	opened = append(opened, main)
	var admin net.Listener
	if cfg.AdminListen != "" {
		if admin, err = open.listen(cfg.AdminListen); err != nil {
			return nil, fmt.Errorf("admin-listen: %w", err)
		}
		opened = append(opened, admin)
	}
	if err := open.done(); err != nil {
		return nil, err
	}
	n, err := NewOn(main, admin, events, cfg, log)
	if err != nil {
		return nil, err
	}
	n.keys = keys
	if len(cfg.ACMEDomain) > 0 {
		n.authority = newAuthority(cfg, log)
	}
	return n, nil
}

// OpenJournal opens the journal that the configuration names.
func OpenJournal(cfg config.Config, log *slog.Logger) (journal.Log, error) {
	opts := journal.Options{
		MaxAge:    cfg.KeepFor,
		MaxEvents: cfg.KeepEvents,
		MaxBytes:  int64(cfg.KeepBytes),
		KeyWindow: cfg.KeyWindow,
	}
	if cfg.Data == config.Memory {
		return journal.Memory(opts), nil
	}
	return journal.Disk{Options: opts, Log: log}.Open(cfg.Data)
}

// NewOn is [New] with what it opens, without TLS; admin may be nil. cfg must be
// valid. The node closes the listeners and the journal, but not after an error.
func NewOn(main, admin net.Listener, events journal.Log, cfg config.Config, log *slog.Logger) (_ *Node, err error) {
	log, level := withLevel(log, cfg.LogLevel)
	n := &Node{cfg: cfg, running: cfg, log: log, level: level, main: main, admin: admin, journal: events}
	n.origins.Store(&cfg.AllowOrigin)
	if err := n.openJWT(); err != nil {
		return nil, err
	}
	if err := n.openTracer(); err != nil {
		return nil, errors.Join(err, n.close())
	}
	if n.authorize, err = n.subscribers(); err != nil {
		return nil, errors.Join(err, n.close())
	}
	if err := n.openPublishers(); err != nil {
		return nil, errors.Join(err, n.close())
	}
	if cfg.AnnouncePresence {
		n.presence = newPresence(n)
	}
	n.prober.check = n.probe
	n.limits = newLimits(&cfg)
	n.access = newAccessLog(cfg.AccessLog, log, n.limits.client)
	n.ends = newEnds(n.access)
	n.files, n.used = openFiles(), usedFiles()
	n.maxStreams.Store(int64(maxStreams(cfg.MaxStreams, n.files)))
	n.hub = stream.New(followed{n.journal, n.tracer}, stream.Config{
		Heartbeat:    cfg.Heartbeat,
		Retry:        cfg.Retry,
		Lifetime:     orNever(cfg.Lifetime),
		WriteTimeout: cfg.WriteTimeout,
		PerToken:     cfg.StreamsPerToken,
		MaxStreams:   int(n.maxStreams.Load()),
		Admit:        n.limits.admit,
		TurnedAway:   n.refusals.add,
		Changed:      n.presence.changed,
		Ended:        n.ends.add,
		Denied:       n.denied.Refuses,
	})
	n.intake = ingest.New(n.results.append(n.tracer.Append(n.journal.Append)), n.hub.Counts, n.hub.Total, ingest.Config{
		MaxBody:     int64(cfg.MaxBody),
		MaxBatch:    int64(cfg.MaxBatch),
		BodyTimeout: cfg.RequestTimeout,
		DefaultTTL:  cfg.KeepFor,
		MaxTTL:      cfg.KeepFor,
		Allow:       n.limits.publishing.Allow,
		Problem: func(err error) []byte {
			n.refused(err)
			return n.results.line(err)
		},
	})
	return n, nil
}

// close closes what authentication has opened.
func (n *Node) close() (err error) {
	for _, c := range slices.Backward(n.closers) {
		err = errors.Join(err, c.Close())
	}
	return err
}

// orNever is what the packages below call 0, which is a default to them.
func orNever(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// Addr is the address of the main listener.
func (n *Node) Addr() string { return n.main.Addr().String() }

// Run serves until ctx ends, then drains: it refuses new streams and ends the open
// ones one by one over the drain time, answering publishers all the while; then it
// finishes the requests under way and closes the journal last. It returns nil after
// an orderly stop.
func (n *Node) Run(ctx context.Context) error {
	clients := n.server(n.routes())
	n.takeExpress(clients)
	servers := []*http.Server{clients}
	failed := make(chan error, 2)
	scheme := "http://"
	if c := n.tlsConfig(); c != nil {
		scheme = "https://"
		clients.TLSConfig = c
		go func() { failed <- clients.ServeTLS(stream.TLSListener(n.gate(clients)), "", "") }()
	} else {
		go func() { failed <- clients.Serve(n.gate(clients)) }()
		go clients.Serve(n.express.Listener()) // until the other ends
	}
	admin := "off"
	if n.admin != nil {
		servers = append(servers, n.server(n.adminRoutes()))
		admin = "http://" + n.admin.Addr().String()
		go func() { failed <- servers[1].Serve(n.admin) }()
	}
	n.presence.start()
	n.log.Info("notifier is listening", "url", scheme+n.Addr()+n.cfg.BasePath, "admin", admin, "max-streams", n.maxStreams.Load(), "open-files", n.files)
	n.warnOpen()

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	return errors.Join(err, n.stop(servers))
}

// lastRequests is how long requests under way may take once the streams are gone.
const lastRequests = 5 * time.Second

func (n *Node) stop(servers []*http.Server) error {
	n.draining.Store(true)
	n.log.Info("notifier is draining", "streams", n.hub.Total(), "over", n.cfg.Drain)
	n.presence.stop()
	n.hub.Drain(n.cfg.Drain)
	ctx, cancel := context.WithTimeout(context.Background(), n.cfg.Drain+lastRequests)
	defer cancel()
	n.hub.Wait(ctx)
	n.express.Shutdown(ctx)
	for _, s := range servers {
		if s.Shutdown(ctx) != nil {
			s.Close()
		}
	}
	err := errors.Join(n.close(), n.journal.Close())
	n.hub.Stop()
	n.ends.Close()
	n.log.Info("notifier has stopped")
	return err
}

// streamsPerConnection is how many streams one HTTP/2 connection may carry: a
// browser has one for all its tabs, a proxy one for very many clients. At the usual
// hundred the next stream would wait in silence.
const streamsPerConnection = 1000

// headerTimeout is the longest that the head of a request may take to arrive.
const headerTimeout = 10 * time.Second

// server bounds what a client can hold up: there is no WriteTimeout, which would
// end streams; reading a body has its own deadline. HTTP/2 is spoken with TLS and,
// to proxies that begin with it, without.
func (n *Node) server(h http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           h,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: streamsPerConnection},
		ReadHeaderTimeout: min(headerTimeout, n.cfg.RequestTimeout),
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ConnContext:       stream.WithConn,
		ConnState:         n.countConn,
		ErrorLog:          slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
}
