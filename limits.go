package notifier

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on what publishers and subscribers may send; sizes in bytes.
const (
	MaxTokens     = 10_000 // distinct tokens of one publication
	MaxToken      = 256
	MaxEntityType = 128
	MaxName       = 128 // SSE event name
	MaxKey        = 128 // idempotency key
	MaxID         = 64  // Last-Event-ID; longer ones cannot be ours
)

// ReservedPrefix begins the event names that only the server itself sends.
const ReservedPrefix = "notifier-"

// CheckToken says in words what is wrong with a token, "" if nothing is. The
// words never contain the token.
func CheckToken(token string) string {
	switch {
	case token == "":
		return "must not be empty"
	case len(token) > MaxToken:
		return "must be at most 256 bytes"
	case !utf8.ValidString(token):
		return "must be valid UTF-8"
	case strings.ContainsFunc(token, unicode.IsControl):
		return "must not contain control characters"
	}
	return ""
}

// CheckName says in words what is wrong with a publisher's SSE event name, ""
// if nothing is. The empty name is valid: it is no name.
func CheckName(name string) string {
	switch {
	case len(name) > MaxName:
		return "must be at most 128 bytes"
	case !utf8.ValidString(name):
		return "must be valid UTF-8"
	case strings.ContainsAny(name, "\r\n\x00"):
		return "must not contain CR, LF or NUL"
	case strings.HasPrefix(name, ReservedPrefix):
		return "must not begin with " + ReservedPrefix + ", which is the server's"
	}
	return ""
}
