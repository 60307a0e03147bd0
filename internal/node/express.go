package node

import (
	"context"
	"net"
	"net/http"

	"notifier/internal/config"
	"notifier/internal/express"
	"notifier/stream"
)

// clients is the server of the main listener. Plain publications on kept connections
// are served at a lower price: nothing waits within one if events are kept in memory
// and no key has to be fetched.
func (n *Node) clients() *http.Server {
	all, route := n.routes()
	n.express = express.New(all, express.Config{
		Inline:         n.cfg.Data == config.Memory && !n.cfg.JWTPublish,
		Route:          route,
		IdleTimeout:    idleTimeout,
		RequestTimeout: n.cfg.RequestTimeout,
	})
	s := n.server(n.hurried(n.express))
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return n.express.WithConn(stream.WithConn(ctx, c), c)
	}
	return s
}
