package main

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// A server is where the clients find one, with a base path if it has one.
type server string

// endpoint is the URL of a route of the server.
func (s server) endpoint(path string) (*url.URL, error) {
	u, err := url.Parse(string(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usageError{errors.New("--url must be like http://127.0.0.1:4001 or https://example.com/ws")}
	}
	return u.JoinPath(path), nil
}

// maxRefusal bounds what is read of a refusal.
const maxRefusal = 1 << 20

// refusal puts an answer that is not a success into words: what a problem says,
// each bad field in a line of its own, or the bare status if it is no problem.
func refusal(resp *http.Response) error {
	var b strings.Builder
	b.WriteString("the server answered " + resp.Status)
	var p struct {
		Detail string
		Errors []struct{ Field, Detail string }
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == "application/problem+json" && json.NewDecoder(io.LimitReader(resp.Body, maxRefusal)).Decode(&p) == nil {
		b.WriteString(": " + p.Detail)
	}
	if len(p.Errors) > 1 { // a single one is the detail
		for _, e := range p.Errors {
			b.WriteString("\n" + strings.TrimSpace(e.Field+" "+e.Detail))
		}
	}
	if after := resp.Header.Get("Retry-After"); after != "" {
		b.WriteString("\ntry again in " + after + " s")
	}
	return errors.New(b.String())
}
