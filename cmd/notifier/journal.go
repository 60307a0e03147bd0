package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"notifier/internal/config"
	"notifier/journal"
)

// A journalCmd looks into the directory of a server that has stopped. None of its
// commands writes events or makes a directory.
type journalCmd struct {
	Stat   journalStatCmd   `cmd:"" help:"Count what a stopped server keeps."`
	Verify journalVerifyCmd `cmd:"" help:"Read all of it and print what cannot be right."`
	Export journalExportCmd `cmd:"" help:"Print the events of a token as JSON."`
}

// Help is shown by journal --help.
func (journalCmd) Help() string {
	return `Example:

    notifier journal stat

The server must have stopped. A copy of its directory is a backup.`
}

type dataDir struct {
	Data string `env:"NOTIFIER_DATA" default:"notifier-data" placeholder:"DIR" help:"Directory of the events (${default})."`
}

// Validate refuses the one value that serve takes and that is no directory.
func (d dataDir) Validate() error {
	if d.Data == config.Memory {
		return errors.New("--data must be a directory: events in memory end with the server")
	}
	return nil
}

type journalStatCmd struct {
	dataDir
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Help is shown by journal stat --help.
func (*journalStatCmd) Help() string {
	return `Example:

    notifier journal stat --json

Events that are too old count until the server has dropped them.`
}

// A stat is what journal stat prints. Oldest and Newest are absent without events.
type stat struct {
	Events int64     `json:"events"`
	Tokens int64     `json:"tokens"`
	Oldest time.Time `json:"oldest,omitzero"`
	Newest time.Time `json:"newest,omitzero"`
	Bytes  int64     `json:"bytes"`
}

func (c *journalStatCmd) Run(out io.Writer) error {
	found, err := journal.Verify(c.Data, nil)
	if err != nil {
		return err
	}
	s := stat{found.Events, found.Tokens, found.Oldest.UTC(), found.Newest.UTC(), found.Bytes}
	if c.JSON {
		return json.NewEncoder(out).Encode(s)
	}
	return s.table(out)
}

// table writes a line for each figure.
func (s *stat) table(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "events\t%d\ntokens\t%d\n", s.Events, s.Tokens)
	if s.Events > 0 {
		fmt.Fprintf(w, "oldest\t%s\nnewest\t%s\n", s.Oldest.Format(time.RFC3339), s.Newest.Format(time.RFC3339))
	}
	fmt.Fprintf(w, "bytes\t%d\n", s.Bytes)
	return w.Flush()
}

type journalVerifyCmd struct{ dataDir }

// Help is shown by journal verify --help.
func (*journalVerifyCmd) Help() string {
	return `Example:

    notifier journal verify

A problem is a line; there is none after a crash, only after damage. The exit code is 1 if there are any.`
}

func (c *journalVerifyCmd) Run(out io.Writer) error {
	problems := 0
	found, err := journal.Verify(c.Data, func(problem string) {
		problems++
		fmt.Fprintln(out, problem)
	})
	if err != nil {
		return err
	}
	if problems > 0 {
		return fmt.Errorf("problems of the journal in %s: %d", c.Data, problems)
	}
	_, err = fmt.Fprintf(out, "no problems among %d events\n", found.Events)
	return err
}

type journalExportCmd struct {
	dataDir
	Token string `env:"NOTIFIER_TOKEN" required:"" placeholder:"TOKEN" help:"Whose events, those for all among them; better in NOTIFIER_TOKEN."`
}

// Help is shown by journal export --help.
func (*journalExportCmd) Help() string {
	return `Example:

    notifier journal export --token 1

An event is a line: id, time, event, entityType and data. The oldest comes first.`
}

func (c *journalExportCmd) Run(ctx context.Context, out io.Writer) error {
	lines, w := io.Pipe()
	go func() { w.CloseWithError(journal.Export(ctx, c.Data, c.Token, w)) }()
	err := flatten(out, lines)
	lines.CloseWithError(err) // so that the export ends if nobody reads on
	return err
}

// flatten writes the lines of an export anew: what a publication said stands
// beside the rest, not inside its data.
func flatten(out io.Writer, in io.Reader) error {
	from, to := json.NewDecoder(in), json.NewEncoder(out)
	to.SetEscapeHTML(false)
	for {
		var line struct {
			ID, Time, Event string
			Data            struct {
				EntityType string
				Data       json.RawMessage
			}
		}
		if err := from.Decode(&line); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := to.Encode(struct {
			ID         string          `json:"id"`
			Time       string          `json:"time"`
			Event      string          `json:"event"`
			EntityType string          `json:"entityType"`
			Data       json.RawMessage `json:"data"`
		}{line.ID, line.Time, line.Event, line.Data.EntityType, line.Data.Data}); err != nil {
			return err
		}
	}
}
