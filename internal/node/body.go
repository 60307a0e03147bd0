package node

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"notifier"
	"notifier/ingest"
)

// maxCall is the largest body of a control call, in bytes. The longest token, every
// byte of it escaped, is a fifth of it.
const maxCall = 8 << 10

// hurried gives every body some time, whoever wants it and whether anybody does:
// net/http reads what is left of a small one before it answers, and would wait for
// ever for what does not come.
func (n *Node) hurried(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// An error means that the connection is gone.
			http.NewResponseController(w).SetReadDeadline(time.Now().Add(n.cfg.RequestTimeout))
		}
		next.ServeHTTP(w, r)
	})
}

// receive reads the body of a control call, which is one JSON object, into v.
// Unknown and repeated fields are mistakes, and so is what is of another type.
func (n *Node) receive(w http.ResponseWriter, r *http.Request, v any) error {
	_, body, err := ingest.Receive(w, r, n.cfg.RequestTimeout, maxCall, "application/json")
	if err != nil {
		return err
	}
	if jsontext.Value(body).Kind() != '{' {
		return notifier.BadField("", "must be a JSON object")
	}
	if err := json.Unmarshal(body, v, json.RejectUnknownMembers(true)); err != nil {
		return jsonMistake(err)
	}
	return nil
}

// jsonMistake names the field that is wrong. It does not pass on the decoder's words,
// which repeat what was sent.
func jsonMistake(err error) error {
	var meaning *json.SemanticError
	var form *jsontext.SyntacticError
	switch {
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &meaning):
		return notifier.BadField(fieldOf(meaning.JSONPointer), "is not a field of this call")
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &form):
		return notifier.BadField(fieldOf(form.JSONPointer), "is there twice")
	case errors.As(err, &meaning) && meaning.JSONPointer != "":
		return notifier.BadField(fieldOf(meaning.JSONPointer), "is of the wrong type")
	}
	return notifier.BadField("", "must be valid JSON")
}

// fieldOf is the last name of a pointer, as it can be shown.
func fieldOf(p jsontext.Pointer) string {
	name := p.LastToken()
	if quoted := strconv.QuoteToASCII(name[:min(len(name), 64)]); strings.Trim(quoted, `"`) != name {
		return quoted
	}
	return name
}
