package node

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"notifier/stream"
)

// Run serves until ctx ends, then drains: it refuses new streams and ends the open
// ones one by one over the drain time, answering publishers all the while; then it
// finishes the requests under way and closes the journal last. It returns nil after
// an orderly stop.
func (n *Node) Run(ctx context.Context) error {
	clients := n.clients()
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
	err := errors.Join(n.opened.Close(), n.journal.Close())
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

// idleTimeout is how long a connection is kept on which nothing is asked for.
const idleTimeout = 2 * time.Minute

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
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    32 << 10,
		ConnContext:       stream.WithConn,
		ConnState:         n.countConn,
		ErrorLog:          slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
}
