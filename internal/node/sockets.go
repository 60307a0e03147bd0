package node

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/coreos/go-systemd/v22/activation"

	"notifier/internal/config"
)

// listen opens the listeners that the configuration names, or takes systemd's. admin
// may be nil.
func listen(cfg *config.Config) (main, admin net.Listener, err error) {
	var opened closers
	defer func() {
		if err != nil {
			opened.Close()
		}
	}()
	open, err := inherited()
	if err != nil {
		return nil, nil, err
	}
	if main, err = open.listen(cfg.Listen); err != nil {
		return nil, nil, fmt.Errorf("listen: %w", err)
	}
	opened = append(opened, main)
	if cfg.AdminListen != "" {
		if admin, err = open.listen(cfg.AdminListen); err != nil {
			return nil, nil, fmt.Errorf("admin-listen: %w", err)
		}
		opened = append(opened, admin)
	}
	return main, admin, open.done()
}

// sockets are what systemd listens on for this process, where a socket unit says
// so: who connects during a restart waits instead of being refused. Each must be at
// the address of a setting, which alone decides whether credentials are needed.
type sockets []net.Listener

// inherited returns the sockets that this process was started with.
func inherited() (sockets, error) {
	ls, err := activation.Listeners()
	return slices.DeleteFunc(ls, func(l net.Listener) bool { return l == nil }), err
}

// listen takes the socket at the address, or opens one.
func (s *sockets) listen(addr string) (net.Listener, error) {
	want, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, err
	}
	for i, l := range *s {
		if at(l, want) {
			*s = slices.Delete(*s, i, i+1)
			return l, nil
		}
	}
	return net.Listen("tcp", addr)
}

// at reports whether l listens on the address; all ways to say "every address of
// this machine" are one.
func at(l net.Listener, want *net.TCPAddr) bool {
	have, ok := l.Addr().(*net.TCPAddr)
	if !ok || have.Port != want.Port {
		return false
	}
	every := func(ip net.IP) bool { return len(ip) == 0 || ip.IsUnspecified() }
	return have.IP.Equal(want.IP) || every(have.IP) && every(want.IP)
}

// done closes what no setting has taken. That is a mistake in the socket unit.
func (s *sockets) done() (err error) {
	for _, l := range *s {
		err = errors.Join(err, fmt.Errorf("systemd listens on %s, which is neither listen nor admin-listen", l.Addr()))
		l.Close()
	}
	return err
}
