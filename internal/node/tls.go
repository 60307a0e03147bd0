package node

import (
	"crypto/tls"
	"fmt"
	"log/slog"

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
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return n.keys.get(), nil }
	case n.authority != nil:
		c.GetCertificate = n.authority.get
		c.NextProtos = []string{acme.ALPNProto} // net/http adds its own
	default:
		return nil
	}
	return c
}

// A keyPair is a certificate and its key, in two files.
type keyPair = watched[*tls.Certificate]

// openKeyPair reads the files, which must be good at the start; nil if there are none.
func openKeyPair(cfg *config.Config, log *slog.Logger) (*keyPair, error) {
	if cfg.TLSCert == "" {
		return nil, nil
	}
	r, err := readKeyPair(cfg.TLSCert, cfg.TLSKey)
	return &keyPair{what: "the certificate", log: log, now: r}, err
}

func readKeyPair(cert, key string) (reading[*tls.Certificate], error) {
	r, err := readFrom(func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		return &pair, err
	}, cert, key)
	if err != nil {
		err = fmt.Errorf("tls-cert, tls-key: %w", err)
	}
	return r, err
}

// reloadTLS takes the certificate that is in the files, which may be other ones.
func (n *Node) reloadTLS(cfg config.Config) (apply func(), err error) {
	if n.keys == nil {
		return func() {}, nil
	}
	r, err := readKeyPair(cfg.TLSCert, cfg.TLSKey)
	return func() { n.keys.take(r) }, err
}
