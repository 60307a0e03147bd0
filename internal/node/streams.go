package node

import (
	"net/http"
	"net/url"
	"time"

	"notifier"
)

// The control calls about open streams.

type streamCount struct {
	Token   string `json:"token"`
	Streams int    `json:"streams"`
}

// listStreams answers GET /api/streams: how many streams the named tokens have, or
// which ones the only token has, or a page of the tokens that are online.
func (n *Node) listStreams(w http.ResponseWriter, r *http.Request, who *notifier.Publisher) error {
	q, err := query(r, "token", "details", "prefix", "limit", "after")
	if err != nil {
		return err
	}
	limit, err := limitOf(q)
	if err != nil {
		return err
	}
	details, err := flag(q, "details")
	switch {
	case err != nil:
		return err
	case q.Has("token") && q.Has("prefix"):
		return notifier.BadField("prefix", "must not be there together with token")
	case details:
		return n.describeStreams(w, q, limit, who)
	case q.Has("token"):
		return n.countStreams(w, q, who)
	default:
		return n.listOnline(w, q, limit, who)
	}
}

// flag reads a parameter that is 0, as it is without it, or 1.
func flag(q url.Values, name string) (bool, error) {
	switch q.Get(name) {
	case "1":
		return true, nil
	case "0":
		return false, nil
	}
	if q.Has(name) {
		return false, notifier.BadField(name, "must be 0 or 1")
	}
	return false, nil
}

// listOnline answers with tokens that are online. Whoever may address some tokens
// only sees them if it asks for none but those.
func (n *Node) listOnline(w http.ResponseWriter, q url.Values, limit int, who *notifier.Publisher) error {
	prefix := q.Get("prefix")
	switch {
	case who.Reaches(prefix): // and so whatever begins with it
	case prefix == "":
		return notifier.Denied{{Field: "token", Detail: "must be given, or prefix, by a publisher that may address some tokens only"}}
	default:
		return notifier.Denied{{Field: "prefix", Detail: "is also that of tokens that this publisher may not address"}}
	}
	page, tokens, streams := n.hub.Online(prefix, q.Get("after"), limit)
	counts := make([]streamCount, len(page))
	for i, o := range page {
		counts[i] = streamCount(o)
	}
	return writeJSON(w, struct {
		Streams int           `json:"streams"`
		Tokens  int           `json:"tokens"`
		Online  []streamCount `json:"online"`
	}{streams, tokens, counts})
}

type streamCounts struct {
	Streams int            `json:"streams"`
	Results map[string]int `json:"results"`
	Details []streamInfo   `json:"details,omitzero"`
}

func (n *Node) countStreams(w http.ResponseWriter, q url.Values, who *notifier.Publisher) error {
	tokens, err := tokensOf(q, who)
	if err != nil {
		return err
	}
	all := streamCounts{Results: make(map[string]int, len(tokens))}
	for i, c := range n.hub.Counts(tokens) {
		all.Results[tokens[i]] = c
		all.Streams += c
	}
	return writeJSON(w, all)
}

// A streamInfo is a [stream.Info] in JSON.
type streamInfo struct {
	ID       string  `json:"id"`
	Address  string  `json:"address"`
	Age      float64 `json:"age"` // in seconds
	State    string  `json:"state"`
	Position string  `json:"position"`
	Waiting  int     `json:"waiting"`
	Events   uint64  `json:"events"`
	Bytes    uint64  `json:"bytes"`
}

func (n *Node) describeStreams(w http.ResponseWriter, q url.Values, limit int, who *notifier.Publisher) error {
	token, err := oneToken(q, who)
	if err != nil {
		return err
	}
	open := n.hub.Streams(token)
	all := streamCounts{len(open), map[string]int{token: len(open)}, make([]streamInfo, min(len(open), limit))}
	for i := range all.Details {
		s := &open[i]
		all.Details[i] = streamInfo{s.ID, s.Address, s.Age.Truncate(time.Millisecond).Seconds(), s.State, s.Position.String(), s.Waiting, s.Events, s.Bytes}
	}
	return writeJSON(w, all)
}

// closeStreams answers DELETE /api/streams: it ends the streams of the named tokens,
// or one of them. Their clients may come back unless something else refuses them.
func (n *Node) closeStreams(w http.ResponseWriter, r *http.Request, who *notifier.Publisher) error {
	q, err := query(r, "token", "stream")
	if err != nil {
		return err
	}
	closed := 0
	if q.Has("stream") {
		closed, err = n.closeStream(q, who)
	} else {
		closed, err = n.closeAll(q, who)
	}
	if err != nil {
		return err
	}
	return writeJSON(w, struct {
		Closed int `json:"closed"`
	}{closed})
}

func (n *Node) closeAll(q url.Values, who *notifier.Publisher) (closed int, _ error) {
	tokens, err := tokensOf(q, who)
	if err == nil && len(tokens) == 0 {
		err = notifier.BadField("token", "is required")
	}
	if err != nil {
		return 0, err
	}
	for _, t := range tokens {
		closed += n.hub.Revoke(t)
	}
	return closed, nil
}

// closeStream ends one stream. That there is none any more is what was asked for.
func (n *Node) closeStream(q url.Values, who *notifier.Publisher) (closed int, _ error) {
	token, err := oneToken(q, who)
	if err != nil {
		return 0, err
	}
	if ids := q["stream"]; len(ids) > 1 || ids[0] == "" {
		return 0, notifier.BadField("stream", "must be the id of one stream, as details tell it")
	}
	if n.hub.CloseStream(token, q.Get("stream")) {
		closed = 1
	}
	return closed, nil
}
