// Package node is one notifier process without its flags and signals: it wires
// the journal, the hub and the HTTP surface together, starts them and stops them
// in the right order.
//
// routes.go is the whole HTTP surface. Everything that is decided about
// publications or streams is decided in other packages.
package node

import (
	"errors"
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
	cfg config.Config // that it was started with
	log *slog.Logger

	main, admin net.Listener // admin may be nil
	keys        *keyPair     // nil without certificates in files
	authority   *authority   // nil without certificates by ACME

	journal  journal.Log
	hub      *stream.Hub
	intake   *ingest.Intake
	express  *express.Express // set by Run
	presence *presence        // nil if not announced

	// Who may subscribe, and who may publish and control.
	authorize  stream.Authorize
	publishers func(*http.Request) (*notifier.Publisher, error)
	jwt        *auth.JWT // nil if nobody may have one
	tickets    *auth.Tickets
	denied     *auth.DenyList
	keyring    *keyring // nil if anyone may publish

	// How much there may be.
	limits     *limits
	maxStreams atomic.Int64 // 0 for any number
	files      int          // the process may open, 0 if that is not known
	used       int          // of them, before anybody connects
	conns      atomic.Int64 // open, but for those that streams have taken over

	// What is told of what happens.
	level    *slog.LevelVar // that the log begins at
	access   *accessLog
	ends     *ends
	refusals refusals
	results  results
	prober   prober
	tracer   *tracing.Tracer // nil without traces

	origins   atomic.Pointer[[]string] // of pages that may read
	reloading sync.Mutex
	running   config.Config // cfg with what was reloaded
	opened    closers       // by authentication and tracing
	draining  atomic.Bool
}

// New opens the journal and the listeners that the configuration names.
func New(cfg config.Config, log *slog.Logger) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	log, _ = withLevel(log, cfg.LogLevel)
	keys, err := openKeyPair(&cfg, log)
	if err != nil {
		return nil, err
	}
	events, err := OpenJournal(cfg, log)
	if err != nil {
		return nil, err
	}
	main, admin, err := listen(&cfg)
	if err != nil {
		return nil, errors.Join(err, events.Close())
	}
	opened := closers{events, main}
	if admin != nil {
		opened = append(opened, admin)
	}
	n, err := NewOn(main, admin, events, cfg, log)
	if err != nil {
		return nil, errors.Join(err, opened.Close())
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
func NewOn(main, admin net.Listener, events journal.Log, cfg config.Config, log *slog.Logger) (*Node, error) {
	log, level := withLevel(log, cfg.LogLevel)
	n := &Node{cfg: cfg, running: cfg, log: log, level: level, main: main, admin: admin, journal: events}
	n.origins.Store(&cfg.AllowOrigin)
	for _, open := range []func() error{n.openJWT, n.openTracer, n.openSubscribers, n.openPublishers} {
		if err := open(); err != nil {
			return nil, errors.Join(err, n.opened.Close())
		}
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
	n.hub = n.newHub()
	n.intake = n.newIntake()
	return n, nil
}

func (n *Node) newHub() *stream.Hub {
	return stream.New(followed{n.journal, n.tracer}, stream.Config{
		Heartbeat:    n.cfg.Heartbeat,
		Retry:        n.cfg.Retry,
		Lifetime:     orNever(n.cfg.Lifetime),
		WriteTimeout: n.cfg.WriteTimeout,
		PerToken:     n.cfg.StreamsPerToken,
		MaxStreams:   int(n.maxStreams.Load()),
		Admit:        n.limits.admit,
		TurnedAway:   n.refusals.add,
		Changed:      n.presence.changed,
		Ended:        n.ends.add,
		Denied:       n.denied.Refuses,
	})
}

// orNever is what package stream calls 0, which is a default to it.
func orNever(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

func (n *Node) newIntake() *ingest.Intake {
	return ingest.New(n.results.append(n.tracer.Append(n.journal.Append)), n.hub.Counts, n.hub.Total, ingest.Config{
		MaxBody:     int64(n.cfg.MaxBody),
		MaxBatch:    int64(n.cfg.MaxBatch),
		BodyTimeout: n.cfg.RequestTimeout,
		DefaultTTL:  n.cfg.KeepFor,
		MaxTTL:      n.cfg.KeepFor,
		Allow:       n.limits.publishing.Allow,
		Problem: func(err error) []byte {
			n.refused(err)
			return n.results.line(err)
		},
	})
}

// closers are closed together, the last opened first.
type closers []io.Closer

func (c closers) Close() (err error) {
	for _, one := range slices.Backward(c) {
		err = errors.Join(err, one.Close())
	}
	return err
}

// Addr is the address of the main listener.
func (n *Node) Addr() string { return n.main.Addr().String() }

// Streams is how many streams are open.
func (n *Node) Streams() int { return n.hub.Total() }
