package node

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"notifier"
)

// The control calls about what is kept.

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
