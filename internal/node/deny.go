package node

import (
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"notifier"
	"notifier/auth"
	"notifier/internal/config"
)

// openDenyList reads who must not listen though a credential says so.
func (n *Node) openDenyList() (err error) {
	path := "" // the list ends with the events
	if n.cfg.Data != config.Memory {
		path = filepath.Join(n.cfg.Data, "denied.json")
	}
	n.denied, err = auth.OpenDenyList(path)
	return err
}

// checkSubject refuses a subject that is none, and one that the publisher may not
// address. Whose a credential is nobody knows: only who reaches all may deny it.
func checkSubject(s auth.Subject, who *notifier.Publisher) error {
	if field, wrong := s.Check(); field != "" {
		return notifier.BadField(field, wrong)
	}
	switch {
	case s.Token != "" && !who.Reaches(s.Token):
		return deniedToken
	case s.JWT != "" && !who.ReachesAll():
		return notifier.Denied{{Field: "jwt", Detail: "may be named only by a publisher that may address every token"}}
	}
	return nil
}

// deny answers POST /api/deny: a token or a credential gets no stream for a time, and
// those that it has end.
func (n *Node) deny(w http.ResponseWriter, r *http.Request, who *notifier.Publisher) error {
	var asked struct {
		auth.Subject
		Until string `json:"until"`
	}
	if err := n.receive(w, r, &asked); err != nil {
		return err
	}
	until, ok := untilOf(asked.Until, time.Now())
	if !ok {
		return notifier.BadField("until", `must be an instant to come (RFC 3339) or a duration from now ("24h")`)
	}
	if err := checkSubject(asked.Subject, who); err != nil {
		return err
	}
	if err := n.denied.Deny(asked.Subject, until); err != nil {
		return err
	}
	return writeJSON(w, struct {
		Until  time.Time `json:"until"`
		Closed int       `json:"closed"`
	}{until, n.revoke(asked.Subject)})
}

// revoke ends the streams of a token or of a credential.
func (n *Node) revoke(s auth.Subject) int {
	if s.Token != "" {
		return n.hub.Revoke(s.Token)
	}
	return n.hub.RevokeCredential(s.JWT)
}

// endOfYears is the end of what RFC 3339 can write.
var endOfYears = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)

// untilOf reads an instant, or a duration from now, that is to come. It is cut to
// milliseconds: what is kept is what is told.
func untilOf(s string, now time.Time) (time.Time, bool) {
	until, err := time.Parse(time.RFC3339, s)
	if d, derr := time.ParseDuration(s); derr == nil {
		until, err = now.Add(d), nil
	}
	until = until.UTC().Truncate(time.Millisecond)
	return until, err == nil && until.After(now) && until.Before(endOfYears)
}

// listDenied answers GET /api/deny: a page of what is denied, as far as the publisher
// may address it.
func (n *Node) listDenied(w http.ResponseWriter, r *http.Request, who *notifier.Publisher) error {
	q, err := query(r, "limit", "after")
	if err != nil {
		return err
	}
	limit, err := limitOf(q)
	if err != nil {
		return err
	}
	var after auth.Subject
	if s := q.Get("after"); s != "" {
		var ok bool
		if after, ok = parseCursor(s); !ok {
			return notifier.BadField("after", "must be what an answer gave as next")
		}
	}
	page, total := n.denied.List(after, limit+1, func(s auth.Subject) bool {
		return s.Token != "" && who.Reaches(s.Token) || who.ReachesAll()
	})
	next := ""
	if len(page) > limit {
		page = page[:limit]
		next = cursor(page[limit-1].Subject)
	}
	return writeJSON(w, struct {
		Total  int           `json:"total"`
		Denied []auth.Denial `json:"denied"`
		Next   string        `json:"next,omitempty"`
	}{total, page, next})
}

// cursor is the text form of a place in the list.
func cursor(s auth.Subject) string {
	if s.Token != "" {
		return "token:" + s.Token
	}
	return "jwt:" + s.JWT
}

func parseCursor(text string) (s auth.Subject, ok bool) {
	kind, name, _ := strings.Cut(text, ":")
	switch kind {
	case "token":
		s.Token = name
	case "jwt":
		s.JWT = name
	}
	field, _ := s.Check()
	return s, field == ""
}

// liftDenial answers DELETE /api/deny.
func (n *Node) liftDenial(w http.ResponseWriter, r *http.Request, who *notifier.Publisher) error {
	q, err := query(r, "token", "jwt")
	if err != nil {
		return err
	}
	for name, values := range q {
		if len(values) > 1 {
			return notifier.BadField(name, "must be there once")
		}
	}
	s := auth.Subject{Token: q.Get("token"), JWT: q.Get("jwt")}
	if err := checkSubject(s, who); err != nil {
		return err
	}
	lifted, err := n.denied.Lift(s)
	if err != nil {
		return err
	}
	return writeJSON(w, struct {
		Lifted bool `json:"lifted"`
	}{lifted})
}
