package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

type sendCmd struct {
	URL   server   `env:"NOTIFIER_URL" default:"http://127.0.0.1:4001" placeholder:"URL" help:"Server (${default}), with its base path."`
	Key   string   `env:"NOTIFIER_KEY" placeholder:"KEY" help:"API key or JWT; better in NOTIFIER_KEY."`
	Token []string `sep:"none" xor:"to" placeholder:"TOKEN" help:"Stream to send to; repeatable."`
	All   bool     `xor:"to" help:"Send to every stream."`
	Type  string   `placeholder:"TYPE" help:"entityType of the event."`
	Event string   `placeholder:"NAME" help:"SSE event name; without one, onmessage fires."`
	ID    string   `placeholder:"KEY" help:"Idempotency key: sending it again sends nothing."`
	TTL   string   `name:"ttl" placeholder:"90s" help:"How long it is kept for replay; 0 is not at all."`
	Data  string   `placeholder:"JSON" help:"Any JSON value; - reads it from standard input."`
}

// Help is shown by send --help.
func (c *sendCmd) Help() string {
	return `Example:

    notifier send --token 1 --type like --data '{"by":"arya"}'`
}

// sendTimeout bounds the whole request.
const sendTimeout = 30 * time.Second

func (c *sendCmd) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	if len(c.Token) == 0 && !c.All {
		return usageError{errors.New("say where to: --token, as often as needed, or --all")}
	}
	endpoint, err := c.URL.endpoint("api")
	if err != nil {
		return err
	}
	body, err := c.body(in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	_, err = io.Copy(out, resp.Body)
	return err
}

// body is the publication as JSON.
func (c *sendCmd) body(in io.Reader) ([]byte, error) {
	data, err := c.data(in)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // data stays as it was written
	err = e.Encode(struct {
		Tokens []string        `json:"tokens,omitempty"`
		All    bool            `json:"all,omitempty"`
		Type   string          `json:"entityType,omitempty"`
		Event  string          `json:"event,omitempty"`
		ID     string          `json:"id,omitempty"`
		TTL    string          `json:"ttl,omitempty"`
		Data   json.RawMessage `json:"data,omitempty"`
	}{c.Token, c.All, c.Type, c.Event, c.ID, c.TTL, data})
	return b.Bytes(), err
}

// data is the event's, nil if none was given.
func (c *sendCmd) data(in io.Reader) (json.RawMessage, error) {
	data, from := []byte(c.Data), "--data"
	if c.Data == "-" {
		var err error
		if data, err = io.ReadAll(in); err != nil {
			return nil, err
		}
		from = "standard input"
	} else if c.Data == "" {
		return nil, nil
	}
	var v json.RawMessage
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, usageError{fmt.Errorf(`%s is not JSON: %w; a text needs quotes of its own, as '"text"'`, from, err)}
	}
	return v, nil
}
