package stream

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"notifier"
)

// Authorize says who a subscriber is, or returns an error to answer with:
// notifier.ErrUnauthorized, notifier.ErrForbidden or notifier.FieldErrors; or
// notifier.ErrUnavailable if it cannot be known now.
type Authorize func(*http.Request) (notifier.Identity, error)

// Events answers GET and HEAD /events: one stream of one token. It returns when
// the handler is no longer needed, or at once with an error that was not answered.
func (h *Hub) Events(authorize Authorize) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := authorize(r)
		if errors.Is(err, notifier.ErrUnavailable) && r.Method != http.MethodHead {
			setHeaders(w.Header())
			return h.turnAway(w, "unavailable")
		}
		if err != nil {
			return err
		}
		st, err := h.request(r)
		if err != nil {
			return err
		}
		st.credential = strings.Clone(who.Credential)
		h.setEnd(st, who)
		setHeaders(w.Header())
		if r.Method != http.MethodHead && h.draining.Load() {
			return h.turnAway(w, "drain")
		}
		if h.cfg.Admit != nil {
			if st.release, err = h.cfg.Admit(r, who); err != nil {
				return err
			}
		}
		if r.Method == http.MethodHead {
			st.released()
			return h.wouldAdmit(who.Keys[0])
		}
		err = h.serve(w, r, st, who.Keys)
		if errors.Is(err, errFull) {
			return h.turnAway(w, "max-streams")
		}
		return err
	}
}

// wouldAdmit is the answer to HEAD: a script that cannot see why its EventSource
// failed asks this way.
func (h *Hub) wouldAdmit(token string) error {
	if limit := h.perToken.Load(); limit > 0 && h.Count(token) >= int(limit) {
		return notifier.ErrTooManyStreams
	}
	return nil
}

// serve admits the stream and lets it be sent, by the handler that calls it or,
// if the connection can be had whole, by the hub alone. The worker sends the first
// byte too, when it has taken the stream in: whoever has seen that misses nothing.
func (h *Hub) serve(w http.ResponseWriter, r *http.Request, st *stream, keys []string) error {
	if err := h.admit(st, keys); err != nil {
		st.released()
		return err
	}
	intro := intro(jitter(h.cfg.Retry, 0.25))
	if h.takeOver(w, r, st, intro) {
		return nil
	}
	s := st.topic.shard
	k := newHTTPSink(w, r.RemoteAddr, h.cfg.WriteTimeout)
	k.writable = func() { s.do(func() { s.writable(st) }) }
	st.sink = k
	s.do(func() { s.opened(st, intro.payload()) })
	why := k.run(r.Context())
	s.do(func() { s.close(st, why) })
	return nil
}

// turnAway answers what is temporary. EventSource gives up for good on any status
// but 200, so that is what it gets, with a long time to wait.
func (h *Hub) turnAway(w http.ResponseWriter, why string) error {
	if h.cfg.TurnedAway != nil {
		h.cfg.TurnedAway(why)
	}
	_, err := w.Write(intro(jitter(10*h.cfg.Retry, 0.5)).payload())
	return err
}

func setHeaders(header http.Header) {
	header["Content-Type"] = []string{"text/event-stream"} // some proxies know it only without a charset
	header["Cache-Control"] = []string{"no-cache, no-store, no-transform"}
	header["X-Accel-Buffering"] = []string{"no"} // nginx
}

// setEnd limits how long the stream lives: a lifetime, or until the credential
// runs out.
func (h *Hub) setEnd(st *stream, who notifier.Identity) {
	now := time.Now()
	age := now.Sub(h.start)
	if h.cfg.Lifetime > 0 {
		st.ends, st.endsWhy = age+jitter(h.cfg.Lifetime, 0.2), Lifetime
	}
	if who.Expires.IsZero() {
		return
	}
	// Of an end that is centuries away the sum would overflow: it is none.
	if left := max(who.Expires.Sub(now), 1); st.ends == 0 && left < math.MaxInt64-age || left < st.ends-age {
		st.ends, st.endsWhy = age+left, Expired
	}
}

// request reads what a client asks for.
func (h *Hub) request(r *http.Request) (*stream, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, notifier.BadField("", "the query string is malformed")
	}
	st := &stream{}
	switch q.Get("control") {
	case "", "0":
	case "1":
		st.control = true
	default:
		return nil, notifier.BadField("control", "must be 0 or 1")
	}
	since, err := parseSince(q.Get("since"), time.Now())
	if err != nil {
		return nil, err
	}
	switch last := lastEventID(r, q); {
	case last != "":
		id, err := notifier.ParseID(last)
		st.resume = &resume{after: id, unknown: err != nil}
	case q.Get("since") != "":
		st.resume = &resume{since: since}
	}
	return st, nil
}

// lastEventID is where the client was. An id that is none is a gap and no error:
// an error would end the browser's EventSource for good.
func lastEventID(r *http.Request, q url.Values) string {
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		return last
	}
	if last := q.Get("lastEventId"); last != "" {
		return last
	}
	return q.Get("last_event_id")
}

// parseSince reads a duration back from now, an instant in Unix seconds or RFC
// 3339, or "all". The zero time is everything.
func parseSince(s string, now time.Time) (time.Time, error) {
	if s == "" || s == "all" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, strings.Replace(s, " ", "+", 1)) // a "+" that was not escaped
	if d, derr := time.ParseDuration(s); derr == nil && d >= 0 {
		t, err = now.Add(-d), nil
	}
	if secs, serr := strconv.ParseFloat(s, 64); serr == nil && secs >= 0 && secs < 9e12 {
		t, err = time.UnixMicro(int64(secs*1e6)), nil
	}
	switch {
	case err != nil:
		return time.Time{}, notifier.BadField("since", `must be a duration ("10m"), an instant (Unix seconds or RFC 3339) or "all"`)
	case t.After(now.Add(24 * time.Hour)):
		return time.Time{}, notifier.BadField("since", "is in the future; Unix times are in seconds")
	}
	return t, nil
}
