package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// client makes a new connection for each request, so that a server that was
// restarted meanwhile is no surprise.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// A publication is the body of POST /api.
type publication struct {
	Tokens []string `json:"tokens"`
	Type   string   `json:"entityType"`
	Event  string   `json:"event,omitempty"`
	Data   any      `json:"data"`
}

// wire is the data that streams carry of it.
func (p publication) wire() string {
	b, err := json.Marshal(struct {
		Type string `json:"entityType"`
		Data any    `json:"data"`
	}{p.Type, p.Data})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// A receipt is the answer to it.
type receipt struct {
	ID      string         `json:"id"`
	Streams int            `json:"streams"`
	Results map[string]int `json:"results"`
}

// post publishes to the server at base. Any answer but success is an error.
func post(c *http.Client, base string, p publication) (receipt, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return receipt{}, err
	}
	resp, err := c.Post(base+"/api", "application/json", bytes.NewReader(body))
	if err != nil {
		return receipt{}, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return receipt{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return receipt{}, fmt.Errorf("POST /api: %s: %s", resp.Status, answer)
	}
	var r receipt
	return r, json.Unmarshal(answer, &r)
}

func publish(t *testing.T, base string, p publication) receipt {
	t.Helper()
	r, err := post(client, base, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// call makes a control call and decodes the answer.
func call[T any](t *testing.T, method, url string) T {
	t.Helper()
	return callWith[T](t, method, url, "")
}

// callWith is call with a body of JSON.
func callWith[T any](t *testing.T, method, url, body string) T {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer T
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s, %v", method, url, resp.Status, err)
	}
	return answer
}

// openStreams is how many streams a token has.
func openStreams(t *testing.T, base, token string) int {
	t.Helper()
	return call[struct{ Streams int }](t, http.MethodGet, base+"/api/streams?token="+url.QueryEscape(token)).Streams
}

// cut has the server end a token's streams and returns how many there were.
func cut(t *testing.T, base, token string) int {
	t.Helper()
	return call[struct{ Closed int }](t, http.MethodDelete, base+"/api/streams?token="+url.QueryEscape(token)).Closed
}
