package ingest

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// readForm reads an application/x-www-form-urlencoded body.
//
// net/url.ParseQuery is not for this: it forgets the order between fields, builds
// a map of whatever a client makes up, and takes no more fields than MaxTokens.
func (d *draft) readForm(body []byte) {
	switch {
	case len(body) == 0:
		d.bad("", "must be a form, but the body is empty")
		return
	case bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")):
		// What curl -d says of everything that it sends.
		d.bad("", "looks like JSON: send it with Content-Type: application/json (curl --json)")
		return
	}
	sent := 0
	for pair := range strings.SplitSeq(string(body), "&") {
		if d.stop {
			return
		}
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		switch {
		case err != nil || err2 != nil:
			d.bad(printable([]byte(rawName)), "must have a % only before two hexadecimal digits")
		case name == "tokens" || name == "tokens[]":
			if sent == 0 {
				d.begin([]byte("tokens"))
			}
			d.addToken(sent, []byte(value))
			sent++
		default:
			d.setFormField(d.begin([]byte(name)), value)
		}
	}
}

func (d *draft) setFormField(field, value string) {
	switch field {
	case "all":
		d.setFormAll(value)
	case "data":
		d.setFormData(value)
	case "ttl":
		d.setFormTTL(value)
	case "entityType", "event", "id":
		d.setText(field, []byte(value))
	}
}

func (d *draft) setFormAll(value string) {
	if value != "true" && value != "false" {
		d.bad("all", notBoolean)
	}
	d.all = value == "true"
}

// setFormData makes the data a JSON string, whatever it looks like: a form cannot
// say what it is, and the clients of old got strings.
func (d *draft) setFormData(value string) {
	quoted, err := jsontext.AppendQuote(nil, value)
	if err != nil {
		d.bad("data", "must be valid UTF-8")
	}
	d.data = quoted
}

func (d *draft) setFormTTL(value string) {
	if isNumber(value) {
		d.setTTL(ttlOfSeconds(value, d.maxTTL))
	} else {
		d.setTTL(ttlOf(value, d.maxTTL))
	}
}
