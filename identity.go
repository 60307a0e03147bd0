package notifier

import (
	"strings"
	"time"
)

// MaxKeys is how many stream keys one subscriber may have.
const MaxKeys = 16

// An Identity is who a subscriber turned out to be.
type Identity struct {
	// Keys are the stream keys, 1 to [MaxKeys] and distinct: the tokens that
	// publishers address. The first is the subscriber's own.
	Keys []string
	// Expires is when the stream must end; zero for never.
	Expires time.Time
	// Credential names the credential, if it has a name: the ID of a JWT or of a
	// ticket. It is no secret.
	Credential string
}

// Rights are what a publisher may do; they add up.
type Rights uint8

// The rights there are.
const (
	MayPublish Rights = 1 << iota // POST /api and /api/batch
	MayControl                    // see and end streams, see and forget events, deny
	MayTicket                     // make tickets
	MayAll     = MayPublish | MayControl | MayTicket
)

// A Publisher is who a request to publish, or to control, turned out to be from.
// It is shared: read-only.
type Publisher struct {
	// Name is for logs, metrics and limits; no secret.
	Name string
	// Rights are what it may do.
	Rights Rights
	// Prefixes are the beginnings of the tokens that it may address; none for any
	// token.
	Prefixes []string
	// Rate is how many publications it may send a second; 0 for the server's
	// general limit.
	Rate int
}

// Reaches reports whether the publisher may address a token.
func (p *Publisher) Reaches(token string) bool {
	for _, prefix := range p.Prefixes {
		if strings.HasPrefix(token, prefix) {
			return true
		}
	}
	return p.ReachesAll()
}

// ReachesAll reports whether the publisher may address every token at once.
func (p *Publisher) ReachesAll() bool { return len(p.Prefixes) == 0 }
