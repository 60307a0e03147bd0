package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMedians(t *testing.T) {
	m := medians([]metrics{{"a": 3, "b": 1}, {"a": 9, "b": 2}, {"a": 1}})
	if m["a"] != 3 || m["b"] != 1.5 {
		t.Errorf("medians %v", m)
	}
}

func TestEveryGoalIsMeasured(t *testing.T) {
	for _, g := range goals {
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == g.scenario })
		if i < 0 || !slices.Contains(scenarios[i].servers, g.server) || (g.least > 0) == (g.most > 0) {
			t.Errorf("goal %q cannot be measured", g.text)
		}
	}
	for _, sc := range scenarios {
		for _, s := range sc.servers {
			if !slices.ContainsFunc(servers, func(have server) bool { return have.key == s }) {
				t.Errorf("%s: no server %q", sc.name, s)
			}
		}
	}
}

// TestPage has one server that works, one that loses events and fails, and one that
// cannot be had.
func TestPage(t *testing.T) {
	sc := scenarios[slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == "unicast" })]
	p := page{runs: 2, took: time.Minute, lab: &lab{
		programs: []installed{{servers[0], &program{}, nil}, {servers[1], &program{}, nil}, {servers[slices.IndexFunc(servers, func(s server) bool { return s.key == nchan })], nil, errors.New("no such | package")}},
		found: []found{{sc, map[string]finding{
			floor:  {metrics: metrics{"cpu_s_per_million": 20, "server_cpu_s": 1}},
			memory: {metrics: metrics{"cpu_s_per_million": 70, "lost": 2, "others_cpu_s": 1}, failed: 1, err: errors.New("broke")},
		}}},
	}}
	text, err := p.markdown()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| floor | – | – | 20 (1.00) |  |\n",
		"| notifier, in memory | – | – | 70 (3.50) | 2 lost, 1 runs failed: broke |\n",
		"| Nchan | not measured: no such \\| package |",
		"| 2000/s: CPU, times the floor's, in memory | ≤ 2.4 | 3.50 | **no** |\n",
		"other programs used 50 %",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if svg := string(plot(p.found)); strings.Count(svg, "<rect") != 3 || !strings.HasSuffix(svg, "</svg>\n") {
		t.Errorf("plot:\n%s", svg)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 9999: "9999", 10000: "10 000", 1234567: "1 234 567"} {
		if got := number(v, 0); got != want {
			t.Errorf("%v is written %q", v, got)
		}
	}
}
