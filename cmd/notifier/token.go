package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"notifier/internal/config"
)

// tokenCmd makes what a login of one's own will make later. It reads the settings
// of the server from the environment, so that what it makes is good there.
type tokenCmd struct {
	Sub      string        `required:"" placeholder:"TOKEN" help:"Whose it is: a subscriber's token, or a publisher's name."`
	Tokens   []string      `sep:"," placeholder:"TOKEN" help:"More tokens of a subscriber, up to 15."`
	Scope    string        `placeholder:"SCOPES" help:"A publisher's: notifier:publish, …:control, …:tickets, with spaces between."`
	Prefixes []string      `sep:"," placeholder:"PREFIX" help:"How tokens begin that a publisher may send to."`
	TTL      time.Duration `name:"ttl" default:"1h" help:"How long it is good."`
	ID       string        `placeholder:"ID" help:"Its name (jti), to deny it by."`

	JWTKey       config.Secret `name:"jwt-key" env:"NOTIFIER_JWT_KEY" required:"" placeholder:"KEY|@FILE" help:"Secret, or private key (PEM), to sign with."`
	KeyID        string        `name:"key-id" placeholder:"KID" help:"Name of the key in a key set."`
	JWTIssuer    string        `name:"jwt-issuer" env:"NOTIFIER_JWT_ISSUER" placeholder:"ISS" help:"Who has made it."`
	JWTAudience  string        `name:"jwt-audience" env:"NOTIFIER_JWT_AUDIENCE" placeholder:"AUD" help:"For which server it is."`
	JWTClaim     string        `name:"jwt-claim" env:"NOTIFIER_JWT_CLAIM" default:"sub" placeholder:"CLAIM" help:"Claim for the token (${default})."`
	JWTListClaim string        `name:"jwt-list-claim" env:"NOTIFIER_JWT_LIST_CLAIM" default:"tokens" placeholder:"CLAIM" help:"Claim for more (${default})."`
}

// Help is shown by token --help.
func (c *tokenCmd) Help() string {
	return `Example:

    notifier token --jwt-key a-secret-of-thirty-two-bytes-or-more --sub 1

It is printed. A server knows it by the same secret, or by the public key that belongs to the private one:

    notifier serve --auth jwt --jwt-publish --jwt-key SECRET`
}

func (c *tokenCmd) Run(out io.Writer) error {
	text, err := c.JWTKey.Read()
	if err != nil {
		return fmt.Errorf("--jwt-key: %w", err)
	}
	key, err := signingKey(text)
	if err != nil {
		return usageError{fmt.Errorf("--jwt-key: %w", err)}
	}
	o := (&jose.SignerOptions{}).WithType("JWT")
	if c.KeyID != "" {
		o = o.WithHeader("kid", c.KeyID)
	}
	signer, err := jose.NewSigner(key, o)
	if err != nil {
		return err
	}
	token, err := jwt.Signed(signer).Claims(c.claims(time.Now())).Serialize()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, token)
	return err
}

func (c *tokenCmd) claims(now time.Time) map[string]any {
	claims := map[string]any{"sub": c.Sub, c.JWTClaim: c.Sub, "iat": now.Unix(), "exp": now.Add(c.TTL).Unix()}
	for name, value := range map[string]string{"iss": c.JWTIssuer, "aud": c.JWTAudience, "jti": c.ID, "scope": c.Scope} {
		if value != "" {
			claims[name] = value
		}
	}
	for name, list := range map[string][]string{c.JWTListClaim: c.Tokens, "prefixes": c.Prefixes} {
		if len(list) > 0 {
			claims[name] = list
		}
	}
	return claims
}

// signingKey is a private key in PEM, or else a secret, with the usual algorithm
// for its kind.
func signingKey(text string) (jose.SigningKey, error) {
	if !strings.Contains(text, "-----BEGIN ") {
		if len(text) < 32 {
			return jose.SigningKey{}, errors.New("a secret must have at least 32 bytes")
		}
		return jose.SigningKey{Algorithm: jose.HS256, Key: []byte(text)}, nil
	}
	private, err := parsePrivate(text)
	if err != nil {
		return jose.SigningKey{}, err
	}
	switch k := private.(type) {
	case *rsa.PrivateKey:
		return jose.SigningKey{Algorithm: jose.RS256, Key: k}, nil
	case ed25519.PrivateKey:
		return jose.SigningKey{Algorithm: jose.EdDSA, Key: k}, nil
	case *ecdsa.PrivateKey:
		if alg, known := curves[k.Curve.Params().BitSize]; known {
			return jose.SigningKey{Algorithm: alg, Key: k}, nil
		}
	}
	return jose.SigningKey{}, errors.New("no algorithm is known for this kind of key")
}

var curves = map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}

func parsePrivate(text string) (any, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("it is not PEM")
	}
	switch block.Type {
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	}
	return nil, fmt.Errorf("it is a %s; to sign takes a private key", block.Type)
}
