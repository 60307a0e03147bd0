package node

import (
	"crypto/tls"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"notifier/internal/config"
)

// An authority gets certificates from an ACME server as they are needed: the first
// client of a name waits for it, later it is renewed in the background. The server
// looks for the proof on port 443 of the name (TLS-ALPN-01), which must lead to
// the main listener.
type authority struct {
	autocert.Manager
	log  *slog.Logger
	mu   sync.Mutex
	said time.Time // when it was last said that there is no certificate
}

// newAuthority keeps certificates and the account's key in the data directory, or
// every restart would ask for new ones, and the authority would soon refuse.
func newAuthority(cfg config.Config, log *slog.Logger) *authority {
	a := &authority{log: log}
	a.Prompt = autocert.AcceptTOS
	a.Cache = autocert.DirCache(filepath.Join(cfg.Data, "acme"))
	a.HostPolicy = autocert.HostWhitelist(cfg.ACMEDomain...)
	a.Email = cfg.ACMEEmail
	if cfg.ACMEURL != "" {
		a.Client = &acme.Client{DirectoryURL: cfg.ACMEURL}
	}
	return a
}

// get is for tls.Config.GetCertificate. Whoever connects by another name is no
// news; that there is none for one of ours is, but not for every client.
func (a *authority) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := a.GetCertificate(hello)
	if err != nil && a.HostPolicy(hello.Context(), hello.ServerName) == nil {
		a.say(hello.ServerName, err)
	}
	return cert, err
}

func (a *authority) say(name string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.Sub(a.said) >= tellEvery {
		a.said = now
		a.log.Error("there is no certificate", "name", name, "err", err)
	}
}
