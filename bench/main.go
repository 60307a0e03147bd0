package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(log.Ltime)
	runs := flag.Int("runs", 3, "runs of everything; figures are their medians")
	only := flag.String("only", "", "scenarios whose names match this `regexp`")
	out := flag.String("out", filepath.Join("docs", "benchmarks.md"), "page to write; its plot is written beside it")
	flag.Parse()
	match, err := regexp.Compile(*only)
	if err != nil || *runs < 1 {
		log.Fatalf("-runs %d -only %q: %v", *runs, *only, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *runs, match, *out); err != nil {
		stop()
		log.Fatal(err)
	}
}

func run(ctx context.Context, runs int, match *regexp.Regexp, out string) error {
	dir, err := os.MkdirTemp("", "notifier-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	begin := time.Now()
	l := &lab{dir: dir}
	if l.loadgen, err = build(ctx, dir, "loadgen", "notifier/bench/loadgen"); err != nil {
		return err
	}
	for _, s := range servers {
		at := filepath.Join(dir, s.key)
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
		p, err := s.install(ctx, at)
		if err != nil {
			log.Printf("%s is left out: %v", s.key, err)
		}
		l.programs = append(l.programs, installed{s, p, err})
	}
	room, err := look(ctx, dir)
	if err != nil {
		return err
	}
	for _, sc := range scenarios {
		if match.MatchString(sc.name) {
			l.measure(ctx, sc, runs)
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("nothing is written: %w", err)
	}
	return writePage(out, page{lab: l, room: room, runs: runs, took: time.Since(begin), only: match.String()})
}
