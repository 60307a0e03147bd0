package node

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/acme"

	"notifier/internal/config"
)

// tlsConfig has the certificates of files or of an authority; nil without TLS.
func (n *Node) tlsConfig() *tls.Config {
	c := &tls.Config{
		MinVersion:                  tls.VersionTLS12,
		DynamicRecordSizingDisabled: true, // events are small; see stream.TLSListener
	}
	switch {
	case n.keys != nil:
		c.GetCertificate = n.keys.get
	case n.authority != nil:
		c.GetCertificate = n.authority.get
		c.NextProtos = []string{acme.ALPNProto} // net/http adds its own
	default:
		return nil
	}
	return c
}

// A keyPair is a certificate and its key in two files. They are read again when
// either has changed, so that renewing a certificate needs no restart.
type keyPair struct {
	log *slog.Logger

	mu        sync.Mutex
	cert, key string    // names of the files
	looked    time.Time // when they were last looked at
	changed   time.Time // the later of their modification times then
	pair      *tls.Certificate
}

// lookEvery is how often the files are looked at, when somebody connects.
const lookEvery = time.Second

// newKeyPair reads the files; they must be good at the start.
func newKeyPair(cert, key string, log *slog.Logger) (*keyPair, error) {
	p := &keyPair{cert: cert, key: key, log: log}
	if err := p.load(); err != nil {
		return nil, fmt.Errorf("tls-cert, tls-key: %w", err)
	}
	return p, nil
}

// reloadTLS takes the certificate that is in the files, which may be other ones.
func (n *Node) reloadTLS(cfg config.Config) (func(), error) {
	if n.keys == nil {
		return func() {}, nil
	}
	p, err := newKeyPair(cfg.TLSCert, cfg.TLSKey, n.log)
	return func() { n.keys.take(p) }, err
}

func (p *keyPair) take(other *keyPair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cert, p.key, p.changed, p.pair = other.cert, other.key, other.changed, other.pair
}

// get is for tls.Config.GetCertificate. A pair that cannot be read leaves the last
// one that could in use: files change one after the other.
func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.looked) >= lookEvery {
		p.looked = now
		if err := p.load(); err != nil {
			p.log.Warn("the certificate was not renewed", "err", err)
		}
	}
	return p.pair, nil
}

func (p *keyPair) load() error {
	changed, err := lastChange(p.cert, p.key)
	if err != nil || p.pair != nil && changed.Equal(p.changed) {
		return err
	}
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return err
	}
	p.pair, p.changed = &pair, changed
	return nil
}

func lastChange(files ...string) (last time.Time, err error) {
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return last, err
		}
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last, nil
}
