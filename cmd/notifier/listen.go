package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode"

	"github.com/r3labs/sse/v2"
)

type listenCmd struct {
	URL    server `env:"NOTIFIER_URL" default:"http://127.0.0.1:4001" placeholder:"URL" help:"Server (${default}), with its base path."`
	Token  string `env:"NOTIFIER_TOKEN" required:"" placeholder:"TOKEN" help:"Stream to read; better in NOTIFIER_TOKEN."`
	JSON   bool   `name:"json" help:"Print one JSON object a line: id, event, data."`
	LastID string `name:"last-id" placeholder:"ID" help:"Begin after this event."`
	Since  string `placeholder:"10m" help:"Begin with what is kept from then on: a duration, an instant or all."`
}

// Help is shown by listen --help.
func (c *listenCmd) Help() string {
	return `Example:

    notifier listen --token 1 --since 10m

An event is a line: its id, its name and its data, with tabs between. When the connection ends, listen comes back and goes on after the last event.`
}

func (c *listenCmd) Run(ctx context.Context, out io.Writer) error {
	endpoint, err := c.URL.endpoint("events")
	if err != nil {
		return err
	}
	// With control events a stream begins with a position, so that nothing is lost
	// even if the connection ends before the first event.
	query := url.Values{"control": {"1"}}
	if c.Since != "" {
		query.Set("since", c.Since)
	}
	endpoint.RawQuery = query.Encode()

	write := writeText
	if c.JSON {
		write = writeJSON
	}
	return newListener(endpoint.String(), c.Token, c.LastID).run(ctx, func(ev *sse.Event) error {
		if len(ev.Data) == 0 || isControl(string(ev.Event)) {
			return nil
		}
		return write(out, ev)
	})
}

// isControl reports whether an event is between the server and this program. A
// gap is not: who reads the events must know that some are missing.
func isControl(name string) bool {
	return strings.HasPrefix(name, "notifier-") && name != "notifier-gap"
}

// typeOf is the event's type, as a browser names it.
func typeOf(ev *sse.Event) string {
	if len(ev.Event) == 0 {
		return "message"
	}
	return string(ev.Event)
}

// writeText writes a line for people. Control characters would let whoever
// publishes write to a terminal.
func writeText(out io.Writer, ev *sse.Event) error {
	visible := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return unicode.ReplacementChar
			}
			return r
		}, s)
	}
	_, err := fmt.Fprintf(out, "%s\t%s\t%s\n", visible(string(ev.ID)), visible(typeOf(ev)), visible(string(ev.Data)))
	return err
}

// writeJSON writes a line for programs. Data that is not JSON becomes a string.
func writeJSON(out io.Writer, ev *sse.Event) error {
	data := json.RawMessage(ev.Data)
	if !json.Valid(data) {
		data, _ = json.Marshal(string(ev.Data)) // a string always encodes
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		ID    string          `json:"id"`
		Event string          `json:"event"`
		Data  json.RawMessage `json:"data"`
	}{string(ev.ID), typeOf(ev), data})
}
