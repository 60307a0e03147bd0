package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"path/filepath"
	"slices"
)

// lab is the installed programs, and what was found about them.
type lab struct {
	dir      string
	loadgen  string
	programs []installed
	found    []found
}

// installed is a server, and its program unless that cannot be had.
type installed struct {
	server
	*program
	missing error
}

// found is what one scenario found, by server.
type found struct {
	scenario
	of map[string]finding
}

// finding is the medians of the runs that worked, and the last error of others.
type finding struct {
	metrics
	failed int
	err    error
}

// measure asks every server, one after the other, as often as there are runs.
func (l *lab) measure(ctx context.Context, sc scenario, runs int) {
	results := map[string][]metrics{}
	f := found{sc, map[string]finding{}}
	for i := range runs {
		for _, p := range l.programs {
			if p.missing != nil || !slices.Contains(sc.servers, p.key) || ctx.Err() != nil {
				continue
			}
			m, err := l.once(ctx, sc, p)
			if err != nil {
				log.Printf("%s, %s, run %d: %v", sc.name, p.key, i+1, err)
				f.of[p.key] = finding{failed: f.of[p.key].failed + 1, err: err}
				continue
			}
			log.Printf("%s, %s, run %d: %s %.2f", sc.name, p.key, i+1, sc.columns[0].title, m[sc.columns[0].metric])
			results[p.key] = append(results[p.key], m)
		}
	}
	for key, all := range results {
		f.of[key] = finding{metrics: medians(all), failed: f.of[key].failed, err: f.of[key].err}
	}
	l.found = append(l.found, f)
}

func (l *lab) once(ctx context.Context, sc scenario, p installed) (m metrics, err error) {
	dir := filepath.Join(l.dir, p.key)
	ask := func(args []string, keep func(metrics)) error {
		return serving(ctx, p.program, dir, func(addr string, pid int) error {
			m, err := load(ctx, l.loadgen, p.program, addr, pid, args)
			if err == nil {
				keep(m)
			}
			return err
		})
	}
	if err := ask(sc.args, func(found metrics) { m = found }); err != nil {
		return nil, err
	}
	if sc.alone != nil {
		err = ask(sc.alone, func(found metrics) {
			for name, v := range found {
				m["alone_"+name] = v
			}
		})
	}
	if sc.derive != nil {
		sc.derive(m)
	}
	return m, err
}

// medians are the medians of each number.
func medians(runs []metrics) metrics {
	m := metrics{}
	for name := range runs[0] {
		var values []float64
		for _, r := range runs {
			if v, ok := r[name]; ok {
				values = append(values, v)
			}
		}
		slices.Sort(values)
		m[name] = (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	}
	return m
}

// wrong tells what a server did that none should.
func (f finding) wrong() (text string) {
	for _, w := range []struct{ metric, says string }{
		{"lost", "lost"}, {"doubled", "doubled"}, {"misrouted", "misrouted"}, {"out_of_order", "out of order"},
		{"damaged", "damaged"}, {"publish_errors", "publications refused"}, {"unsent", "could not be sent in time"},
	} {
		if n := f.metrics[w.metric]; n > 0 {
			text += fmt.Sprintf(", %.0f %s", n, w.says)
		}
	}
	if f.failed > 0 {
		text += fmt.Sprintf(", %d runs failed: %v", f.failed, f.err)
	}
	if text == "" {
		return ""
	}
	return text[2:]
}

// othersShare is the share of all CPU time, in the measured stretches of a scenario,
// that was used by neither the server nor the load.
func othersShare(all []found) (float64, error) {
	var used, others float64
	for _, f := range all {
		for _, one := range f.of {
			others += one.metrics["others_cpu_s"]
			used += one.metrics["others_cpu_s"] + one.metrics["server_cpu_s"] + one.metrics["loadgen_cpu_s"]
		}
	}
	if used == 0 {
		return 0, errors.New("nothing was measured")
	}
	return others / used, nil
}
