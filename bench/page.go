package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// page is everything that is written about a measurement.
type page struct {
	*lab
	room
	runs int
	took time.Duration
	only string // the scenarios asked for; "" is all
}

// plotName is the plot's file, beside the page.
const plotName = "benchmarks.svg"

func writePage(name string, p page) error {
	if p.only == "" {
		if err := os.WriteFile(filepath.Join(filepath.Dir(name), plotName), plot(p.found), 0o644); err != nil {
			return err
		}
	}
	text, err := p.markdown()
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

func (p page) markdown() ([]byte, error) {
	share, err := othersShare(p.found)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("# Benchmarks\n\n" +
		"Written by `go run ./bench`; change the program, not the page. Absolute figures are\n" +
		"this machine's, which was shared: read them against the floor, the least that any\n" +
		"server can do, measured in the same minutes (in brackets: times the floor's).\n\n")
	fmt.Fprintf(&b, "| | |\n|---|---|\n| date | %s, took %.0f minutes |\n| version | %s |\n| machine | %s |\n", p.date, p.took.Minutes(), p.source, p.machine)
	fmt.Fprintf(&b, "| disk | fsync of 4 KiB takes %.2f ms |\n", float64(p.fsync.Microseconds())/1000)
	fmt.Fprintf(&b, "| load before | %s; other programs used %.0f %% of the CPU time that was used while measuring |\n", p.load, 100*share)
	fmt.Fprintf(&b, "| figures | medians of %d runs, each with a new process |\n\n", p.runs)
	b.WriteString("| server | version | |\n|---|---|---|\n")
	for _, s := range p.programs {
		version := "this one"
		if s.missing != nil {
			version = "not measured: " + cell(s.missing.Error())
		} else if s.version != "" {
			version = s.version
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.key, version, s.does)
	}
	if p.only == "" {
		fmt.Fprintf(&b, "\n![the figures as bars](%s)\n", plotName)
	}
	for _, f := range p.found {
		p.table(&b, f)
	}
	b.WriteString("\n## Goals\n\n| | goal | measured | met |\n|---|---|---|---|\n")
	for _, g := range goals {
		b.WriteString(g.row(p.found))
	}
	return b.Bytes(), nil
}

func (p page) table(b *bytes.Buffer, f found) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n|", f.title, f.says)
	for _, c := range f.columns {
		b.WriteString(" | " + c.title)
	}
	b.WriteString(" | wrong |\n|---" + strings.Repeat("|--:", len(f.columns)) + "|---|\n")
	for _, s := range p.programs {
		one, ok := f.of[s.key]
		if !ok {
			continue
		}
		b.WriteString("| " + s.key)
		for _, c := range f.columns {
			b.WriteString(" | " + c.text(one, f.of[floor]))
		}
		b.WriteString(" | " + cell(one.wrong()) + " |\n")
	}
}

// text is a cell: the number, and how many times the floor's it is.
func (c column) text(one, floor finding) string {
	v, ok := one.metrics[c.metric]
	if !ok {
		return "–"
	}
	text := number(v, c.digits)
	if base := floor.metrics[c.metric]; c.ratio && base > 0 {
		text += fmt.Sprintf(" (%.2f)", v/base)
	}
	return text
}

// cell keeps a text inside a table.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s)
}

// number writes large ones in groups of three.
func number(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if digits > 0 || v < 10_000 {
		return s
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
