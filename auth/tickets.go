package auth

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	lru "github.com/hashicorp/golang-lru/v2"

	"notifier"
)

const (
	// ticketType tells a ticket from every other JWT.
	ticketType = "notifier-ticket+jwt"

	// maxTicket is more than a ticket for the longest token has.
	maxTicket = 4 << 10

	// maxUsed is how many tickets in use are remembered.
	maxUsed = 256 << 10
)

// Tickets are short-lived credentials for one token each, made to stand in a URL.
// A ticket must be used within its time to live. Since EventSource reconnects with
// the same URL, one that was used in time lets its stream come back until a session
// is over that counts from its issue; one that was not is worth nothing.
//
// Which were used is known to this process only, the latest 262 144 of them. After a
// restart it cannot know, and takes the word of a request that says that it is a
// reconnect, by its Last-Event-ID, for tickets issued before.
//
// All methods may be called concurrently.
type Tickets struct {
	key     []byte
	signer  jose.Signer
	session time.Duration
	start   time.Time
	used    *lru.Cache[string, struct{}] // by ID
}

// NewTickets makes and takes tickets that are signed with what is derived from
// secret, and for nothing else: whatever else the secret signs is no ticket, and no
// ticket is anything else.
func NewTickets(secret []byte, session time.Duration) (*Tickets, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, ticketType, sha256.Size)
	if err != nil {
		return nil, err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: key}, new(jose.SignerOptions).WithType(ticketType))
	if err != nil {
		return nil, err
	}
	used, err := lru.New[string, struct{}](maxUsed)
	return &Tickets{key: key, signer: signer, session: session, start: time.Now(), used: used}, err
}

// Issue makes a ticket for a valid token that must be used within ttl, and says when
// that is over: on a full second, so that it may last a little longer.
func (t *Tickets) Issue(token string, ttl time.Duration) (ticket string, expires time.Time, err error) {
	now := time.Now()
	expires = now.Add(ttl + time.Second - 1).Truncate(time.Second)
	ticket, err = jwt.Signed(t.signer).Claims(jwt.Claims{
		Subject:  token,
		ID:       rand.Text(),
		IssuedAt: jwt.NewNumericDate(now),
		Expiry:   jwt.NewNumericDate(expires),
	}).Serialize()
	return ticket, expires, err
}

// Or takes a ticket where there is one, in the query parameter ticket, and leaves
// every other request to a mode.
func (t *Tickets) Or(mode func(*http.Request) (notifier.Identity, error)) func(*http.Request) (notifier.Identity, error) {
	return func(r *http.Request) (notifier.Identity, error) {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil || !query.Has("ticket") {
			return mode(r) // which says what is wrong with the query
		}
		ticket, err := oneTicket(query["ticket"])
		if err != nil {
			return notifier.Identity{}, err
		}
		claims, err := t.parse(ticket)
		if err != nil {
			return notifier.Identity{}, err
		}
		if err := checkBeside(r, claims.Subject); err != nil {
			return notifier.Identity{}, err
		}
		return t.admit(claims, r)
	}
}

func oneTicket(values []string) (string, error) {
	switch {
	case len(slices.Compact(values)) > 1:
		return "", notifier.BadField("ticket", "is there twice, with different values")
	case values[0] == "":
		return "", notifier.BadField("ticket", "must not be empty")
	}
	return values[0], nil
}

// checkBeside refuses a credential beside a ticket for another token. A cookie does
// not count: browsers send it unasked.
func checkBeside(r *http.Request, token string) error {
	all, err := credentials(r, "")
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.value != token {
			return notifier.BadField(other.field, "differs from what the ticket is for")
		}
	}
	return nil
}

// parse reads a ticket that is signed with our key, whatever its time.
func (t *Tickets) parse(ticket string) (c jwt.Claims, err error) {
	if len(ticket) > maxTicket {
		return c, errNoTicket
	}
	parsed, err := jwt.ParseSigned(ticket, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil || parsed.Claims(t.key, &c) != nil {
		return jwt.Claims{}, errNoTicket
	}
	header := parsed.Headers[0].ExtraHeaders
	if header[jose.HeaderType] != ticketType || c.IssuedAt == nil || c.Expiry == nil || notifier.CheckToken(c.Subject) != "" {
		return jwt.Claims{}, errNoTicket
	}
	return c, nil
}

var errNoTicket = fmt.Errorf("%w: %w", notifier.ErrUnauthorized, errors.New("not a ticket of this server"))

// admit says who the holder of a ticket is, if its time has not passed. HEAD asks
// whether it would be taken, which does not use it.
func (t *Tickets) admit(c jwt.Claims, r *http.Request) (notifier.Identity, error) {
	now, issued, expires := time.Now(), c.IssuedAt.Time(), c.Expiry.Time()
	end := issued.Add(t.session)
	if end.Before(expires) {
		end = expires
	}
	_, used := t.used.Get(c.ID)
	forgotten := r.Header.Get("Last-Event-ID") != "" && issued.Before(t.start)
	if !now.Before(end) || !now.Before(expires) && !used && !forgotten {
		return notifier.Identity{}, fmt.Errorf("%w: the ticket's time is over", notifier.ErrUnauthorized)
	}
	if r.Method != http.MethodHead {
		t.used.Add(c.ID, struct{}{})
	}
	return notifier.Identity{Keys: []string{c.Subject}, Expires: end, Credential: c.ID}, nil
}
