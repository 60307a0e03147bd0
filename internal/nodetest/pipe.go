package nodetest

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// A Pipe is a listener in memory. Its connections are synchronous: a write waits
// for a read, so that a client that does not read blocks its server at the first
// byte. Inside a testing/synctest bubble, time passes only while everybody waits.
type Pipe struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// NewPipe returns an open listener.
func NewPipe() *Pipe { return &Pipe{conns: make(chan net.Conn), done: make(chan struct{})} }

// Accept waits for the next Dial.
func (p *Pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close makes Accept and Dial fail; connections stay open.
func (p *Pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr is a loopback address that nothing listens on.
func (p *Pipe) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// Dial connects.
func (p *Pipe) Dial() (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Client returns an HTTP client that connects to the listener whatever the host,
// one connection a request.
func (p *Pipe) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return p.Dial() },
		DisableKeepAlives: true,
	}}
}
