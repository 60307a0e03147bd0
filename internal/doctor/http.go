package doctor

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an answer that is no stream.
const maxAnswer = 1 << 20

// An answer to a request that is no stream.
type answer struct {
	*http.Response
	body []byte
}

// ours reports whether the answer looks like one of the server's own, and not
// like a page that a proxy made.
func (a *answer) ours() bool {
	kind, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	return kind == "application/json" || kind == "application/problem+json"
}

// detail is why the server refuses, as it says.
func (a *answer) detail() string {
	var p struct{ Detail string }
	if !a.ours() || json.Unmarshal(a.body, &p) != nil || p.Detail == "" {
		return "by something in front of the server, which says no reason"
	}
	return p.Detail
}

// do sends a request to a path below the server's and reads the answer, which
// must come within Wait.
func (e *exam) do(ctx context.Context, method, path string, query url.Values, header http.Header, body []byte) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, e.Wait)
	defer cancel()
	req, err := e.request(ctx, method, path, query, header, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, plain(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return &answer{resp, b}, err
}

func (e *exam) request(ctx context.Context, method, path string, query url.Values, header http.Header, body io.Reader) (*http.Request, error) {
	u := e.URL.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	return req, nil
}

// path is that of a route, as it is shown.
func (e *exam) path(route string) string {
	return "/" + strings.TrimPrefix(e.URL.JoinPath(route).Path, "/")
}

// credentials are a publisher's.
func (e *exam) credentials() http.Header {
	h := http.Header{}
	if e.Key != "" {
		h.Set("Authorization", "Bearer "+e.Key)
	}
	return h
}

// subscriber is the header of a stream, as browsers send it but for the
// credential, which in the query would get into logs.
func (e *exam) subscriber() http.Header {
	return http.Header{
		"Accept":        {"text/event-stream"},
		"Authorization": {"Bearer " + e.Token},
		"Cache-Control": {"no-cache"},
	}
}

// send publishes an event that is not kept, and returns its id.
func (e *exam) send(ctx context.Context) (id string, a *answer, err error) {
	header := e.credentials()
	header.Set("Content-Type", "application/json")
	body, err := json.Marshal(map[string]any{
		"tokens": []string{e.To}, "entityType": "notifier-doctor", "event": "doctor", "ttl": "0",
		"data": map[string]string{"from": "notifier doctor"},
	})
	if err != nil {
		return "", nil, err
	}
	a, err = e.do(ctx, http.MethodPost, "api", nil, header, body)
	if err != nil {
		return "", nil, err
	}
	var result struct{ ID string }
	json.Unmarshal(a.body, &result) // without an id it was not published
	return result.ID, a, nil
}

// subject is that of a JWT, "" if it is none.
func subject(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	json.Unmarshal(b, &claims) // what is no JWT has no subject
	return claims.Subject
}

// plain is an error without the URL that it is about.
func plain(err error) error {
	if u := new(url.Error); errors.As(err, &u) {
		if u.Timeout() {
			return errors.New("no answer in time")
		}
		return u.Err
	}
	return err
}

// about is a duration as people read it.
func about(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
