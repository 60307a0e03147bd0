package node

import (
	"fmt"

	"notifier/auth"
	"notifier/internal/config"
	"notifier/stream"
)

// subscribers is how subscribers prove who they are.
func (n *Node) subscribers() (stream.Authorize, error) {
	switch n.cfg.Auth {
	case "open":
		return auth.Open(n.cfg.Cookie), nil
	case "jwt":
		return n.jwt.Subscriber, nil
	}
	return nil, fmt.Errorf("auth: there is no mode %q", n.cfg.Auth)
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
	n.closers = append(n.closers, j)
	return nil
}

// reloadJWT takes the key that is now in the configuration, or in its file. Those
// at a URL need no reload.
func (n *Node) reloadJWT(cfg config.Config) (func(), error) {
	if n.jwt == nil || cfg.JWTKey == "" {
		return func() {}, nil
	}
	key, err := cfg.JWTKey.Read()
	if err == nil {
		_, err = auth.NewJWT(auth.JWTConfig{Key: key, Algorithms: n.cfg.JWTAlgorithm, Claim: n.cfg.JWTClaim})
	}
	if err != nil {
		return nil, fmt.Errorf("jwt-key: %w", err)
	}
	return func() { _ = n.jwt.SetKey(key) }, nil // the same has just been good
}
