package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"notifier"
)

// call asks once. A verdict is what the backend says of a credential; an error is
// its own trouble.
func (in *Introspector) call(q question) (verdict, error) {
	ctx, cancel := context.WithTimeout(in.ctx, in.cfg.Timeout)
	defer cancel()
	req, err := in.request(ctx, q)
	if err != nil {
		return verdict{}, trouble("%w", err)
	}
	resp, err := in.client.Do(req)
	if err != nil {
		var outer *url.Error // repeats the URL, which may hold a secret
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return verdict{}, trouble("%w", err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return in.read(resp.Body)
	case http.StatusUnauthorized, http.StatusForbidden:
		return in.refused(resp.StatusCode), nil
	}
	return verdict{}, trouble("its answer is %d", resp.StatusCode)
}

func trouble(format string, args ...any) error {
	return fmt.Errorf("%w: the introspection endpoint: %w", notifier.ErrUnavailable, fmt.Errorf(format, args...))
}

// request is the POST of RFC 7662, or a GET with what is forwarded.
func (in *Introspector) request(ctx context.Context, q question) (*http.Request, error) {
	method, body := http.MethodPost, io.Reader(strings.NewReader(url.Values{"token": {q.token}}.Encode()))
	if q.header != nil {
		method, body = http.MethodGet, nil
	}
	req, err := http.NewRequestWithContext(ctx, method, in.cfg.URL, body)
	if err != nil {
		return nil, errors.New("its URL is malformed")
	}
	for name, values := range q.header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if in.cfg.Secret != "" {
		req.Header.Set("Authorization", "Bearer "+in.cfg.Secret)
	}
	return req, nil
}

// refused is the verdict of a 401 or 403. RFC 7662 has an endpoint answer so to whom
// it does not let ask: with a secret, the secret is wrong, and no subscriber must be
// sent away for good because of that.
func (in *Introspector) refused(status int) verdict {
	if in.cfg.Secret == "" || len(in.cfg.Forward) > 0 {
		return in.no(notifier.ErrUnauthorized)
	}
	err := trouble("it refuses introspect-secret with %d", status)
	in.trouble(err)
	return in.no(err)
}

func (in *Introspector) no(err error) verdict {
	return verdict{err: err, until: time.Now().Add(in.cfg.Cache / 5)}
}

// maxAnswer bounds how much of an answer is read.
const maxAnswer = 64 << 10

// An answer is what is read of one: the names are those of RFC 7662, and tokens.
type answer struct {
	Active bool     `json:"active"`
	Sub    string   `json:"sub"`
	Tokens []string `json:"tokens"`
	Exp    *float64 `json:"exp"`
	ID     string   `json:"jti"`
}

// read turns an answer into a verdict.
func (in *Introspector) read(body io.Reader) (verdict, error) {
	b, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err != nil {
		return verdict{}, trouble("%w", err)
	}
	if len(b) > maxAnswer {
		return verdict{}, trouble("its answer is longer than %d bytes", maxAnswer)
	}
	var a answer
	if err := json.Unmarshal(b, &a); err != nil {
		return verdict{}, trouble("its answer must be a JSON object%s", at(err))
	}
	if !a.Active {
		return in.no(notifier.ErrUnauthorized), nil
	}
	who, err := a.identity()
	if err != nil {
		in.trouble(err)
		return in.no(err), nil
	}
	until := time.Now().Add(in.cfg.Cache)
	if !who.Expires.IsZero() {
		if !who.Expires.After(time.Now()) {
			return in.no(notifier.ErrUnauthorized), nil
		}
		until = earlier(until, who.Expires)
	}
	return verdict{who: who, until: until}, nil
}

// at says where a value is of the wrong type, without the value.
func at(err error) string {
	if wrong, ok := errors.AsType[*json.SemanticError](err); ok && wrong.JSONPointer != "" {
		return " with another type at " + string(wrong.JSONPointer)
	}
	return ""
}

// endOfTime is after what any clock here shows; later ones do not fit a time.Time's
// usual forms.
const endOfTime = 1 << 37 // Unix seconds, in the year 6325

// identity is who the answer speaks of. One without a token that can be addressed,
// or with too many, may not listen.
func (a *answer) identity() (notifier.Identity, error) {
	who := notifier.Identity{Credential: a.ID}
	if a.ID != "" {
		if wrong := notifier.CheckToken(a.ID); wrong != "" {
			return notifier.Identity{}, unusable("jti " + wrong)
		}
	}
	for _, token := range append([]string{a.Sub}, a.Tokens...) {
		if wrong := notifier.CheckToken(token); wrong != "" {
			return notifier.Identity{}, unusable("a token " + wrong)
		}
		if !slices.Contains(who.Keys, token) {
			who.Keys = append(who.Keys, token)
		}
	}
	if len(who.Keys) > notifier.MaxKeys {
		return notifier.Identity{}, unusable(fmt.Sprintf("there may be at most %d tokens", notifier.MaxKeys))
	}
	if a.Exp != nil && *a.Exp < endOfTime {
		who.Expires = time.Unix(int64(max(*a.Exp, 0)), 0)
	}
	return who, nil
}

func unusable(why string) error {
	return fmt.Errorf("%w: in the introspection endpoint's answer %s", notifier.ErrForbidden, why)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
