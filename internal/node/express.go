package node

import (
	"context"
	"net"
	"net/http"

	"notifier/internal/config"
	"notifier/internal/express"
	"notifier/stream"
)

// takeExpress has plain publications on kept connections of s served at a lower
// price. Nothing waits within a publication if events are kept in memory and no key
// has to be fetched.
func (n *Node) takeExpress(s *http.Server) {
	n.express = express.New(s.Handler, express.Config{
		Inline:         n.cfg.Data == config.Memory && !n.cfg.JWTPublish,
		IdleTimeout:    s.IdleTimeout,
		RequestTimeout: n.cfg.RequestTimeout,
	})
	s.Handler = n.express
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return n.express.WithConn(stream.WithConn(ctx, c), c)
	}
}
