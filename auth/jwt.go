package auth

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"notifier"
)

// JWTConfig says which JSON Web Tokens are good, and where they say whose they are.
type JWTConfig struct {
	// Key verifies them: public keys or certificates in PEM, or else a secret of at
	// least 32 bytes. Either Key or JWKSURL is set.
	Key string
	// JWKSURL is where their public keys are published as a JSON Web Key Set.
	JWKSURL string
	// Algorithms are those accepted, as "ES256"; none for every one that the keys
	// are for.
	Algorithms []string
	// Issuer and Audience are what iss and aud must say; "" for anything.
	Issuer, Audience string
	// Leeway is the difference of clocks that is forgiven.
	Leeway time.Duration
	// Claim holds a subscriber's stream key, ListClaim more of them; "" for none.
	Claim, ListClaim string
	// Cookie is where a subscriber's JWT may be; "" for none.
	Cookie string
	// Log is told when the keys at JWKSURL cannot be had.
	Log *slog.Logger
}

// A JWT knows subscribers and publishers by the JSON Web Tokens (RFC 7519) that
// somebody else has signed for them. Its methods may be called concurrently.
//
// Nothing in a token says how to verify it: the key decides on the algorithms, and
// a key or a URL in the header is not looked at. Every error about a token is
// notifier.ErrUnauthorized with a reason that never holds a part of it.
type JWT struct {
	cfg      JWTConfig
	accepted []jose.SignatureAlgorithm
	fixed    atomic.Pointer[[]key]
	remote   *jwks // nil without a URL
}

// NewJWT parses the key, or begins to fetch those at the URL: it does not wait for
// them. Close must be called in the end.
func NewJWT(cfg JWTConfig) (*JWT, error) {
	accepted, err := algorithms(cfg.Algorithms)
	if err != nil {
		return nil, err
	}
	j := &JWT{cfg: cfg, accepted: accepted}
	if cfg.JWKSURL != "" {
		j.remote = newJWKS(cfg.JWKSURL, accepted, cfg.Log, jwksTransport())
		return j, nil
	}
	use, err := j.PrepareKey(cfg.Key)
	if err != nil {
		return nil, err
	}
	use()
	return j, nil
}

// PrepareKey parses what is to replace JWTConfig.Key, and returns what puts it in
// use. Streams that are open stay so.
func (j *JWT) PrepareKey(text string) (use func(), err error) {
	keys, err := parseKeys(text, j.accepted)
	if err != nil {
		return nil, err
	}
	return func() { j.fixed.Store(&keys) }, nil
}

// Close ends what fetches keys.
func (j *JWT) Close() error {
	if j.remote != nil {
		j.remote.close()
	}
	return nil
}

// Subscriber says who a subscriber is. Besides the errors about a token there are
// notifier.FieldErrors about where it stands, and notifier.ErrUnavailable while no
// key could be fetched yet.
func (j *JWT) Subscriber(r *http.Request) (notifier.Identity, error) {
	token, _, err := credential(r, j.cfg.Cookie)
	if err != nil {
		return notifier.Identity{}, err
	}
	c, err := j.verify(r.Context(), token)
	if err != nil {
		return notifier.Identity{}, err
	}
	keys, err := c.keys(j.cfg.Claim, j.cfg.ListClaim)
	if err != nil {
		return notifier.Identity{}, err
	}
	return notifier.Identity{Keys: keys, Expires: end(c, j.cfg.Leeway), Credential: c.ID}, nil
}

// Publisher says who a publisher is, by Authorization alone: what a browser sends
// by itself must not publish. Errors are those of Subscriber, and
// notifier.ErrForbidden for a good token without any right.
func (j *JWT) Publisher(r *http.Request) (*notifier.Publisher, error) {
	token, _, err := single(inAuthorization(r))
	if err != nil {
		return nil, err
	}
	c, err := j.verify(r.Context(), token)
	if err != nil {
		return nil, err
	}
	return c.publisher()
}

// maxJWT bounds the work that a token can cause; in bytes. Cookies end at 4 KiB.
const maxJWT = 16 << 10

// verify returns what a token claims if it is good.
func (j *JWT) verify(ctx context.Context, token string) (*claims, error) {
	if len(token) > maxJWT {
		return nil, refused("is too long")
	}
	jws, err := jose.ParseSignedCompact(token, j.accepted)
	if err != nil {
		return nil, refused("is malformed, or its algorithm is not accepted")
	}
	header := jws.Signatures[0].Protected
	if _, has := header.ExtraHeaders["crit"]; has {
		return nil, refused("wants an extension to be understood")
	}
	keys, err := j.keys(ctx, header.KeyID)
	if err != nil {
		return nil, err
	}
	payload, err := check(jws, keys, jose.SignatureAlgorithm(header.Algorithm))
	if err != nil {
		return nil, err
	}
	c, err := parseClaims(payload)
	if err != nil {
		return nil, err
	}
	return c, j.expect(c)
}

// keys are those that may have signed a token whose header names one, or none.
func (j *JWT) keys(ctx context.Context, id string) ([]key, error) {
	if j.remote != nil {
		return j.remote.find(ctx, id)
	}
	return *j.fixed.Load(), nil
}

// check returns what was signed if one of the keys has signed it.
func check(jws *jose.JSONWebSignature, keys []key, algorithm jose.SignatureAlgorithm) ([]byte, error) {
	for _, k := range keys {
		if !k.isFor(algorithm) {
			continue
		}
		if payload, err := jws.Verify(k.public); err == nil {
			if !utf8.Valid(payload) {
				return nil, refused("is not UTF-8")
			}
			return payload, nil
		}
	}
	return nil, refused("is not signed by a key for its algorithm")
}

// expect compares the registered claims with what they must be.
func (j *JWT) expect(c *claims) error {
	if c.Expiry == nil {
		return refused("has no exp")
	}
	want := jwt.Expected{Issuer: j.cfg.Issuer}
	if j.cfg.Audience != "" {
		want.AnyAudience = jwt.Audience{j.cfg.Audience}
	}
	switch err := c.ValidateWithLeeway(want, j.cfg.Leeway); err {
	case nil:
		return nil
	case jwt.ErrExpired:
		return refused("has expired")
	case jwt.ErrNotValidYet, jwt.ErrIssuedInTheFuture:
		return refused("is not valid yet")
	case jwt.ErrInvalidIssuer:
		return refused("is from another issuer")
	default:
		return refused("is for another audience")
	}
}

// century is as good as for ever, and can still be added to an instant.
const century = 100 * 365 * 24 * time.Hour

// end is when a token's stream must.
func end(c *claims, leeway time.Duration) time.Time {
	at := c.Expiry.Time().Add(leeway)
	if time.Until(at) > century {
		return time.Time{}
	}
	return at
}

// refused is the error for a token; the reason is for operators.
func refused(reason string) error {
	return fmt.Errorf("%w: the JWT %s", notifier.ErrUnauthorized, reason)
}
