package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// A key verifies the signatures of some algorithms. They are those of its kind: a
// public key that is taken for a secret, which everybody knows then, would verify
// anybody's token.
type key struct {
	public     any // as jose takes it; []byte for a secret
	algorithms []jose.SignatureAlgorithm
}

func (k key) isFor(a jose.SignatureAlgorithm) bool { return slices.Contains(k.algorithms, a) }

// known is every algorithm there is; "none" is not among them.
var known = []jose.SignatureAlgorithm{
	jose.HS256, jose.HS384, jose.HS512,
	jose.RS256, jose.RS384, jose.RS512,
	jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512,
	jose.EdDSA,
}

// algorithms are those of the names, all if there is none.
func algorithms(names []string) (accepted []jose.SignatureAlgorithm, err error) {
	if len(names) == 0 {
		return known, nil
	}
	for _, name := range names {
		a := jose.SignatureAlgorithm(name)
		if !slices.Contains(known, a) {
			return nil, fmt.Errorf("%q is not a known algorithm", name)
		}
		accepted = append(accepted, a)
	}
	return accepted, nil
}

// newKey is a key for the accepted ones among the algorithms of its kind.
func newKey(public any, accepted []jose.SignatureAlgorithm) (key, error) {
	kind, err := algorithmsOf(public)
	if err != nil {
		return key{}, err
	}
	k := key{public: public}
	for _, a := range kind {
		if slices.Contains(accepted, a) {
			k.algorithms = append(k.algorithms, a)
		}
	}
	if len(k.algorithms) == 0 {
		return key{}, fmt.Errorf("it is for %v, of which none is accepted", kind)
	}
	return k, nil
}

const (
	minSecret = 32 // bytes
	minRSA    = 2048
)

// algorithmsOf is what a key can verify. A secret must be as long as the hash.
func algorithmsOf(public any) ([]jose.SignatureAlgorithm, error) {
	switch k := public.(type) {
	case []byte:
		switch {
		case len(k) < minSecret:
			return nil, fmt.Errorf("a secret must have at least %d bytes", minSecret)
		case len(k) < 48:
			return known[:1], nil
		case len(k) < 64:
			return known[:2], nil
		}
		return known[:3], nil
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return nil, fmt.Errorf("an RSA key must have at least %d bits", minRSA)
		}
		return known[3:9], nil
	case *ecdsa.PublicKey:
		switch k.Curve.Params().BitSize {
		case 256:
			return []jose.SignatureAlgorithm{jose.ES256}, nil
		case 384:
			return []jose.SignatureAlgorithm{jose.ES384}, nil
		case 521:
			return []jose.SignatureAlgorithm{jose.ES512}, nil
		}
	case ed25519.PublicKey:
		return []jose.SignatureAlgorithm{jose.EdDSA}, nil
	}
	return nil, errors.New("no algorithm is known for this kind of key")
}

// maxKeys bounds how many are tried for one token.
const maxKeys = 16

// parseKeys reads public keys in PEM, or else a secret. The errors do not repeat
// any of it.
func parseKeys(text string, accepted []jose.SignatureAlgorithm) ([]key, error) {
	if !strings.Contains(text, "-----BEGIN ") {
		k, err := newKey([]byte(text), accepted)
		return []key{k}, err
	}
	var keys []key
	for rest := []byte(text); len(strings.TrimSpace(string(rest))) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, fmt.Errorf("what follows key %d is not PEM", len(keys))
		}
		public, err := parsePEM(block)
		var k key
		if err == nil {
			k, err = newKey(public, accepted)
		}
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", len(keys)+1, err)
		}
		if keys = append(keys, k); len(keys) > maxKeys {
			return nil, fmt.Errorf("there may be at most %d keys", maxKeys)
		}
	}
	return keys, nil
}

func parsePEM(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return c.PublicKey, nil
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
		return nil, errors.New("it is a private key, which only whoever signs should have; the public one is needed")
	}
	return nil, errors.New("it must be a PUBLIC KEY or a CERTIFICATE")
}
