package node

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"

	"notifier"
)

// What the control calls have in common.

// tokensOf reads the tokens that a control call of who names, each once.
func tokensOf(q url.Values, who *notifier.Publisher) (tokens []string, _ error) {
	var errs notifier.FieldErrors
	for _, t := range q["token"] {
		if wrong := notifier.CheckToken(t); wrong != "" {
			errs = append(errs, notifier.FieldError{Field: "token", Detail: wrong})
		} else if !slices.Contains(tokens, t) {
			tokens = append(tokens, t)
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	for _, t := range tokens {
		if !who.Reaches(t) {
			return nil, deniedToken
		}
	}
	return tokens, nil
}

// oneToken is tokensOf where there must be exactly one.
func oneToken(q url.Values, who *notifier.Publisher) (string, error) {
	tokens, err := tokensOf(q, who)
	if err == nil && len(tokens) != 1 {
		err = notifier.BadField("token", "is required, once")
	}
	if err != nil {
		return "", err
	}
	return tokens[0], nil
}

// limitOf reads the size of a page: 100 unless asked for, 1000 at most.
func limitOf(q url.Values) (int, error) {
	s := q.Get("limit")
	if s == "" {
		return 100, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1000 {
		return 0, notifier.BadField("limit", "must be a number from 1 to 1000")
	}
	return n, nil
}

// query reads the query string, which may have the parameters named and no others:
// a misspelt one must not be without effect.
func query(r *http.Request, names ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, notifier.BadField("", "the query string is malformed")
	}
	var errs notifier.FieldErrors
	for name := range q {
		if !slices.Contains(names, name) {
			errs = append(errs, notifier.FieldError{Field: strconv.QuoteToASCII(name[:min(len(name), 64)]), Detail: "is not a parameter of this call"})
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return q, nil
}

func writeJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(append(b, '\n')) // an error means that the client is gone
	return nil
}
