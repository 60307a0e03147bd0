package auth

import (
	"regexp"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"

	"notifier"
)

// claims is what a good token says.
type claims struct {
	jwt.Claims
	Subject json.RawMessage            `json:"sub"` // many write a number
	all     map[string]json.RawMessage // by name
}

// parseClaims reads a payload. A name that is there twice is a mistake: two readers
// could take different ones.
func parseClaims(payload []byte) (*claims, error) {
	var c claims
	if json.Unmarshal(payload, &c) != nil || json.Unmarshal(payload, &c.all) != nil {
		return nil, refused("has malformed or repeated claims")
	}
	return &c, nil
}

// keys are the stream keys of a subscriber: its own, and those of the list.
func (c *claims) keys(claim, listClaim string) ([]string, error) {
	own, ok := text(c.all[claim])
	if !ok {
		return nil, refused("has no token in its claim for it")
	}
	more, ok := list(c.all[listClaim])
	if !ok {
		return nil, refused("has a list of tokens that is none")
	}
	var keys []string
	for _, k := range append([]string{own}, more...) {
		if notifier.CheckToken(k) != "" {
			return nil, refused("has a token that cannot be one")
		}
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
		if len(keys) > notifier.MaxKeys {
			return nil, refused("has too many tokens")
		}
	}
	return keys, nil
}

// scopes are the rights by the names that a token has for them.
var scopes = map[string]notifier.Rights{
	"notifier:publish": notifier.MayPublish,
	"notifier:control": notifier.MayControl,
	"notifier:tickets": notifier.MayTicket,
}

// publisher is who may do what the token's scopes say.
func (c *claims) publisher() (*notifier.Publisher, error) {
	name, ok := text(c.Subject)
	if !ok || notifier.CheckToken(name) != "" {
		return nil, refused("has no sub that can be a publisher's name")
	}
	p := &notifier.Publisher{Name: name}
	for _, scope := range append(words(c.all["scope"]), words(c.all["scp"])...) {
		p.Rights |= scopes[scope]
	}
	if p.Rights == 0 {
		return nil, notifier.ErrForbidden
	}
	if raw, has := c.all["prefixes"]; has {
		p.Prefixes, ok = list(raw)
		// An empty list would be no restriction at all.
		if !ok || len(p.Prefixes) == 0 || slices.ContainsFunc(p.Prefixes, func(s string) bool { return notifier.CheckToken(s) != "" }) {
			return nil, refused("has prefixes that are none")
		}
	}
	return p, nil
}

// words are what a string is made of, or a list: issuers differ.
func words(raw json.RawMessage) []string {
	if s, ok := text(raw); ok {
		return strings.Fields(s)
	}
	s, _ := list(raw)
	return s
}

// list is an array of texts; nothing and null are the empty one.
func list(raw json.RawMessage) (texts []string, ok bool) {
	if len(raw) == 0 {
		return nil, true
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return nil, false
	}
	for _, item := range items {
		s, ok := text(item)
		if !ok {
			return nil, false
		}
		texts = append(texts, s)
	}
	return texts, true
}

var integer = regexp.MustCompile(`^-?[0-9]+$`)

// text is a string, or a whole number as it is written.
func text(raw json.RawMessage) (s string, ok bool) {
	if integer.Match(raw) {
		return string(raw), true
	}
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}
