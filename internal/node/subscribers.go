package node

import (
	"fmt"

	"notifier/auth"
	"notifier/internal/config"
	"notifier/stream"
)

// openSubscribers prepares how subscribers prove who they are: by a ticket, or as the
// mode says. Who is denied stays out either way.
func (n *Node) openSubscribers() error {
	mode, err := n.mode()
	if err == nil {
		err = n.openTickets()
	}
	if err == nil {
		err = n.openDenyList()
	}
	if err != nil {
		return err
	}
	n.authorize = n.denied.Guard(n.tickets.Or(mode))
	return nil
}

func (n *Node) mode() (stream.Authorize, error) {
	switch n.cfg.Auth {
	case "open":
		return auth.Open(n.cfg.Cookie), nil
	case "jwt":
		return n.jwt.Subscriber, nil
	case "introspect":
		return n.openIntrospection()
	}
	return nil, fmt.Errorf("auth: there is no mode %q", n.cfg.Auth)
}

// openIntrospection prepares for asking the backend.
func (n *Node) openIntrospection() (stream.Authorize, error) {
	secret, err := n.cfg.IntrospectSecret.Read()
	if err != nil {
		return nil, fmt.Errorf("introspect-secret: %w", err)
	}
	in := auth.NewIntrospector(auth.Introspection{
		URL:     n.cfg.IntrospectURL,
		Forward: n.cfg.IntrospectForward,
		Cookie:  n.cfg.Cookie,
		Secret:  secret,
		Timeout: n.cfg.IntrospectTimeout,
		Cache:   n.cfg.IntrospectCache,
		Log:     n.log,
	})
	n.opened = append(n.opened, in)
	return in.Authorize, nil
}

// openJWT prepares for JWTs if subscribers or publishers may have one.
func (n *Node) openJWT() error {
	if n.cfg.Auth != "jwt" && !n.cfg.JWTPublish {
		return nil
	}
	key, err := n.cfg.JWTKey.Read()
	if err != nil {
		return fmt.Errorf("jwt-key: %w", err)
	}
	j, err := auth.NewJWT(auth.JWTConfig{
		Key:        key,
		JWKSURL:    n.cfg.JWKSURL,
		Algorithms: n.cfg.JWTAlgorithm,
		Issuer:     n.cfg.JWTIssuer,
		Audience:   n.cfg.JWTAudience,
		Leeway:     n.cfg.JWTLeeway,
		Claim:      n.cfg.JWTClaim,
		ListClaim:  n.cfg.JWTListClaim,
		Cookie:     n.cfg.Cookie,
		Log:        n.log,
	})
	if err != nil {
		return fmt.Errorf("jwt-key: %w", err)
	}
	n.jwt = j
	n.opened = append(n.opened, j)
	return nil
}

// reloadJWT takes the key that is now in the configuration, or in its file. Those
// at a URL need no reload.
func (n *Node) reloadJWT(cfg config.Config) (func(), error) {
	if n.jwt == nil || cfg.JWTKey == "" {
		return func() {}, nil
	}
	var use func()
	key, err := cfg.JWTKey.Read()
	if err == nil {
		use, err = n.jwt.PrepareKey(key)
	}
	if err != nil {
		return nil, fmt.Errorf("jwt-key: %w", err)
	}
	return use, nil
}
