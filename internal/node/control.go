package node

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"notifier"
)

// What the control calls have in common, and those about what is kept.

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

type keptEvent struct {
	ID    string         `json:"id"`
	Time  time.Time      `json:"time"`
	Event string         `json:"event,omitempty"`
	Data  jsontext.Value `json:",embed"` // entityType and data
}

type keptGap struct {
	Reason notifier.Gap `json:"reason"`
	Oldest string       `json:"oldest,omitempty"`
}

// listEvents answers GET /api/events: a page of what is kept for a token.
func (n *Node) listEvents(w http.ResponseWriter, r *http.Request, who *notifier.Publisher) error {
	q, err := query(r, "token", "limit", "after")
	if err != nil {
		return err
	}
	token, err := oneToken(q, who)
	if err != nil {
		return err
	}
	limit, err := limitOf(q)
	if err != nil {
		return err
	}
	var after notifier.ID
	if s := q.Get("after"); s != "" {
		if after, err = notifier.ParseID(s); err != nil {
			return notifier.BadField("after", "is not an event id")
		}
	}
	page, err := n.journal.Replay(r.Context(), notifier.Query{
		Tokens: []string{token},
		After:  after,
		Live:   n.journal.Head().Seq,
		Limit:  limit,
	})
	if err != nil {
		return err
	}
	return writeJSON(w, pageJSON(page))
}

type eventPage struct {
	Events []keptEvent `json:"events"`
	Gap    *keptGap    `json:"gap,omitempty"`
	Next   string      `json:"next"`
	More   bool        `json:"more"`
}

func pageJSON(page notifier.Page) eventPage {
	out := eventPage{Events: make([]keptEvent, len(page.Events)), Next: page.Next.String(), More: page.More}
	for i, e := range page.Events {
		out.Events[i] = keptEvent{e.ID.String(), e.Time.UTC().Truncate(time.Millisecond), e.Name, e.Data}
	}
	if page.Gap != notifier.GapNone {
		out.Gap = &keptGap{Reason: page.Gap}
		if !page.Oldest.IsZero() {
			out.Gap.Oldest = page.Oldest.String()
		}
	}
	return out
}

// forgetEvents answers DELETE /api/events.
func (n *Node) forgetEvents(w http.ResponseWriter, r *http.Request, who *notifier.Publisher) error {
	q, err := query(r, "token")
	if err != nil {
		return err
	}
	token, err := oneToken(q, who)
	if err != nil {
		return err
	}
	count, err := n.journal.Forget(r.Context(), token)
	if err != nil {
		return err
	}
	return writeJSON(w, struct {
		Forgotten int `json:"forgotten"`
	}{count})
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
