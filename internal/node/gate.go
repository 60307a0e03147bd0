package node

import (
	"errors"
	"net"
	"net/http"
	"time"
)

// A gate is a listener that takes no more connections than there are files for: a
// process without descriptors cannot write its journal. Clients wait meanwhile. The
// connections that nobody uses are closed first.
type gate struct {
	net.Listener
	node   *Node
	server *http.Server
	told   time.Time // when the operator last was
}

func (n *Node) gate(server *http.Server) net.Listener {
	return &gate{Listener: n.main, node: n, server: server}
}

const (
	// lookForRoom is how often a gate that is full looks whether it still is.
	lookForRoom = 20 * time.Millisecond
	// tellEvery is how often an operator is told of the same trouble.
	tellEvery = time.Minute
)

// Accept waits until there is room for a connection, and then for one.
func (g *gate) Accept() (net.Conn, error) {
	if !g.node.hasRoom() {
		g.tell("no more connections are taken until some have ended: there are no files left for them", nil)
		g.server.SetKeepAlivesEnabled(false) // closes idle ones, and others after their request
		g.node.express.CloseIdle()
		for !g.node.hasRoom() {
			time.Sleep(lookForRoom)
		}
		g.server.SetKeepAlivesEnabled(true)
	}
	conn, err := g.Listener.Accept()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		g.tell("a connection was not accepted", err) // the server tries again, ever less often
	}
	return conn, err
}

// tell is called by Accept only, and so by one goroutine.
func (g *gate) tell(what string, err error) {
	if now := time.Now(); now.Sub(g.told) >= tellEvery {
		g.told = now
		g.node.log.Warn(what, "connections", g.node.connections(), "open-files", g.node.files, "err", err)
	}
}

// hasRoom reports whether another connection leaves enough files for everything
// else: what was open at the start, and what the journal will open.
func (n *Node) hasRoom() bool {
	return n.files == 0 || n.connections() < n.files-n.used-spareFiles(n.files)/4
}

// connections is how many clients have one. Streams over HTTP/2 count as one each.
func (n *Node) connections() int { return int(n.conns.Load()) + n.hub.Total() + n.express.Count() }

// countConn is for http.Server.ConnState. A connection that was taken over is counted
// as a stream.
func (n *Node) countConn(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		n.conns.Add(1)
	case http.StateHijacked, http.StateClosed:
		n.conns.Add(-1)
	}
}
