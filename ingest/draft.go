package ingest

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"notifier"
)

// maxErrors is after how many mistakes a body is not read any further.
const maxErrors = 20

// Details that more than one place says.
const (
	repeated   = "must not be given more than once"
	notString  = "must be a string"
	notBoolean = "must be true or false"
)

// fields are what a publication may have, in JSON as in a form.
var fields = [...]string{"tokens", "all", "entityType", "data", "event", "id", "ttl"}

// A draft is a publication while it is read, together with everything that is
// wrong with it.
type draft struct {
	who    *notifier.Publisher
	maxTTL time.Duration

	given      [len(fields)]bool
	tokens     []string            // distinct, in order of first appearance
	known      map[string]struct{} // the tokens again, once they are more than a few
	all        bool
	entityType []byte // text, may be part of the body
	data       []byte // JSON, may be part of the body; empty for none
	event      string
	key        string
	ttl        time.Duration

	errs   notifier.FieldErrors
	denied notifier.Denied
	// stop says that reading on is of no use: the body has too many mistakes, or
	// too many tokens.
	stop bool
}

// bad notes a mistake, unless enough is known.
func (d *draft) bad(field, detail string) {
	if d.stop {
		return
	}
	d.errs = append(d.errs, notifier.FieldError{Field: field, Detail: detail})
	d.stop = len(d.errs) == maxErrors
}

// deny notes a field that is right, but not for this publisher.
func (d *draft) deny(field, detail string) {
	d.denied = append(d.denied, notifier.FieldError{Field: field, Detail: detail})
	d.stop = d.stop || len(d.denied) == maxErrors
}

// begin notes that a field is given and returns its name, or "" if there is no
// such field or it was there before.
func (d *draft) begin(name []byte) string {
	i := slices.IndexFunc(fields[:], func(f string) bool { return f == string(name) })
	switch {
	case i < 0:
		d.bad(printable(name), "is not a field of a publication")
	case d.given[i]:
		d.bad(fields[i], repeated)
	default:
		d.given[i] = true
		return fields[i]
	}
	return ""
}

func (d *draft) has(field string) bool { return d.given[slices.Index(fields[:], field)] }

// addToken takes the token that was sent at index i, if nothing is wrong with it
// and it was not there before. It copies tok.
func (d *draft) addToken(i int, tok []byte) {
	token := string(tok)
	if d.knows(token) {
		return
	}
	if wrong := notifier.CheckToken(token); wrong != "" {
		d.badToken(i, wrong)
		return
	}
	if !d.who.Reaches(token) {
		d.deny(tokenField(i), "is none that this publisher may address")
		return
	}
	if len(d.tokens) == notifier.MaxTokens {
		d.bad("tokens", fmt.Sprintf("must be at most %d distinct tokens", notifier.MaxTokens))
		d.stop = true
		return
	}
	d.tokens = append(d.tokens, token)
	if d.known != nil {
		d.known[token] = struct{}{}
	}
}

// knows reports whether a token is among those taken. Most publications are for a
// few tokens, and among a few looking at each is cheaper than building a map.
func (d *draft) knows(token string) bool {
	const few = 16
	if len(d.tokens) <= few {
		return slices.Contains(d.tokens, token)
	}
	if d.known == nil {
		d.known = make(map[string]struct{})
		for _, t := range d.tokens {
			d.known[t] = struct{}{}
		}
	}
	_, ok := d.known[token]
	return ok
}

func (d *draft) badToken(i int, detail string) { d.bad(tokenField(i), detail) }

func tokenField(i int) string { return fmt.Sprintf("tokens[%d]", i) }

// setText sets a field that is a string. It keeps text for the entityType only.
func (d *draft) setText(field string, text []byte) {
	var wrong string
	switch field {
	case "entityType":
		d.entityType, wrong = text, checkEntityType(text)
	case "event":
		d.event = string(text)
		wrong = notifier.CheckName(d.event)
	case "id":
		d.key = string(text)
		wrong = checkKey(d.key)
	}
	if wrong != "" {
		d.bad(field, wrong)
	}
}

func (d *draft) setTTL(ttl time.Duration, wrong string) {
	if d.ttl = ttl; wrong != "" {
		d.bad("ttl", wrong)
	}
}

// publication is what was drafted, with the key of the request's header. The error
// is a notifier.FieldErrors, or, if nothing is wrong but that the publisher may not
// do it, a notifier.Denied. It overwrites the body that the data is part of.
func (d *draft) publication(headerKey string) (notifier.Publication, error) {
	d.checkTogether(headerKey)
	if len(d.errs) > 0 {
		return notifier.Publication{}, d.errs
	}
	if d.all && !d.who.ReachesAll() {
		d.deny("all", "is not for a publisher that may address some tokens only")
	}
	if len(d.denied) > 0 {
		return notifier.Publication{}, d.denied
	}
	if headerKey != "" {
		d.key = headerKey
	}
	return notifier.Publication{
		Tokens: d.tokens,
		All:    d.all,
		Name:   d.event,
		Data:   eventData(d.entityType, d.data),
		TTL:    d.ttl,
		Key:    d.key,
	}, nil
}

// checkTogether finds what is wrong between fields, where each alone is right.
func (d *draft) checkTogether(headerKey string) {
	switch tokens := d.has("tokens"); {
	case tokens && d.all:
		d.bad("all", "must not be true together with tokens")
	case !tokens && !d.all && !d.failed("all") && !d.failed("tokens"):
		d.bad("tokens", "must be given unless all is true")
	}
	if d.has("id") && !d.failed("id") && headerKey != "" && d.key != headerKey {
		d.bad("id", "must be the same as the Idempotency-Key header")
	}
}

// failed reports whether what is known of a field is not what was sent.
func (d *draft) failed(field string) bool {
	return slices.ContainsFunc(d.errs, func(e notifier.FieldError) bool { return e.Field == field || e.Field == "" })
}

// eventData is the data of an event, {"entityType":…,"data":…}, with the given
// JSON value, from which it drops the white space in place.
func eventData(entityType, data []byte) []byte {
	if len(data) == 0 {
		data = []byte("{}")
	}
	// Neither can fail: both were checked when they were read.
	value := jsontext.Value(data)
	if !isCompact(data) {
		value.Compact()
	}
	var scratch [6*notifier.MaxEntityType + 2]byte
	quoted, _ := jsontext.AppendQuote(scratch[:0], entityType)

	const before, between, after = `{"entityType":`, `,"data":`, `}`
	b := make([]byte, 0, len(before)+len(quoted)+len(between)+len(value)+len(after))
	b = append(append(b, before...), quoted...)
	b = append(append(b, between...), value...)
	return append(b, after...)
}

// isCompact reports whether a JSON value has no white space but in its strings. It is
// what most encoders write, and finding that out costs far less than compacting.
func isCompact(value []byte) bool {
	quoted := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\':
			i++ // nowhere but in strings
		case c <= ' ' && !quoted:
			return false
		}
	}
	return true
}

func checkEntityType(text []byte) string {
	switch {
	case len(text) > notifier.MaxEntityType:
		return fmt.Sprintf("must be at most %d bytes", notifier.MaxEntityType)
	case !utf8.Valid(text):
		return "must be valid UTF-8"
	}
	return ""
}

func checkKey(key string) string {
	switch {
	case key == "" || len(key) > notifier.MaxKey:
		return fmt.Sprintf("must be 1 to %d bytes", notifier.MaxKey)
	case !utf8.ValidString(key):
		return "must be valid UTF-8"
	case strings.ContainsFunc(key, unicode.IsControl):
		return "must not contain control characters"
	}
	return ""
}

// printable is a field's name for an error text: short, and nothing that could
// upset a terminal or a log.
func printable(name []byte) string {
	const most = 64
	if len(name) == 0 {
		return `""`
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, string(name[:min(len(name), most)]))
}
