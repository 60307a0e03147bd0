package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

const deployed = "../../deploy/"

// scraped is what /metrics says of a node that has had something of everything.
func scraped(t *testing.T) string {
	t.Helper()
	n := nodetest.Start(t, func(c *config.Config) { c.Data, c.StreamsPerToken = t.TempDir(), 1 })
	s := n.Open(t, "token=1")
	n.Open(t, "token=1") // refused
	publish(t, n.URL, publication{Tokens: []string{"1"}})
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	status, text := n.Ask(t, "GET", "/metrics", "")
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	return text
}

// TestPromtool: Prometheus itself finds nothing wrong with the metrics, with the
// alerts, and with any expression of the dashboard.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool := program(t, "promtool")
	run := func(stdin string, args ...string) {
		t.Helper()
		cmd := exec.Command(promtool, args...)
		cmd.Stdin = strings.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	run("", "check", "rules", deployed+"alerts.yml")
	run("", "test", "rules", deployed+"alerts_test.yml")
	run(scraped(t), "check", "metrics")

	type rule struct{ Record, Expr string }
	var rules []rule
	for i, expr := range readDashboard(t).expressions() {
		rules = append(rules, rule{fmt.Sprintf("panel_%d", i), expr})
	}
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	run("", "check", "rules", file)
}

// A dashboard is what matters here of one of Grafana's.
type dashboard struct {
	UID, Title string
	Panels     []struct {
		ID      int
		Type    string
		Title   string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr string }
	}
	Annotations struct{ List []struct{ Expr string } }
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile(deployed + "grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// expressions are those of the dashboard with values for its variables.
func (d dashboard) expressions() (all []string) {
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		all = append(all, a.Expr)
	}
	variables := strings.NewReplacer("$__rate_interval", "5m", "$__interval", "1m", "$job", ".*", "$instance", ".*")
	for i := range all {
		all[i] = variables.Replace(all[i])
	}
	return all
}

// TestDashboard: every panel has a place of its own, a title, and something to show.
func TestDashboard(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d %q", p.ID, p.Title)
		}
		ids[p.ID] = true
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("%s is at %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other := cells[[2]int{x, y}]; other != "" {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
	}
	if len(d.expressions()) < 20 || d.UID == "" || d.Title == "" {
		t.Errorf("%d expressions, uid %q, title %q", len(d.expressions()), d.UID, d.Title)
	}
}

var (
	metricName = regexp.MustCompile(`\b(notifier|process|go)_[a-z0-9_]+\b`)
	selector   = regexp.MustCompile(`\b((?:notifier|process|go)_[a-z0-9_]+)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`(\w+)=~?"([^"]*)"`)
)

// TestMetricsShown: what the dashboard and the alerts look at is there, by name and
// by label, in what a node says.
func TestMetricsShown(t *testing.T) {
	t.Parallel()
	text := scraped(t)
	names := map[string]bool{}
	for line := range strings.Lines(text) {
		if name := metricName.FindString(line); name != "" && !strings.HasPrefix(line, "#") {
			names[name] = true
		}
	}
	shown := append(readDashboard(t).expressions(), alertExpressions(t)...)
	for _, expr := range shown {
		for _, name := range metricName.FindAllString(expr, -1) {
			if !names[name] {
				t.Errorf("no metric %s, for %s", name, expr)
			}
		}
		for _, s := range selector.FindAllStringSubmatch(expr, -1) {
			checkLabels(t, text, s[1], s[2])
		}
	}
}

// checkLabels looks for each value that a selector names, but for those that
// Prometheus adds.
func checkLabels(t *testing.T, text, metric, matchers string) {
	t.Helper()
	for _, m := range matcher.FindAllStringSubmatch(matchers, -1) {
		label, values := m[1], m[2]
		if label == "job" || label == "instance" {
			continue
		}
		for value := range strings.SplitSeq(values, "|") {
			series := regexp.MustCompile(fmt.Sprintf(`(?m)^%s\{[^}]*\b%s="%s"`, metric, label, value))
			if !series.MatchString(text) {
				t.Errorf("no metric %s with %s=%q", metric, label, value)
			}
		}
	}
}

func alertExpressions(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile(deployed + "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	cases, err := os.ReadFile(deployed + "alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Groups[0].Rules {
		if all = append(all, r.Expr); !strings.Contains(string(cases), r.Alert) {
			t.Errorf("alert %s has no case in alerts_test.yml", r.Alert)
		}
	}
	return all
}

// TestMetricsDocumented holds the table in docs/operations.md to what a node says:
// name, type and help of each metric of its own.
func TestMetricsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `notifier_.*$").FindAllString(string(page), -1) {
		documented[row] = true
	}
	text := scraped(t)
	help := regexp.MustCompile(`(?m)^# HELP (notifier_\w+) (.*)\n# TYPE \w+ (\w+)\n(?:\w+\{(\w+)=)?`)
	want := map[string]bool{}
	for _, m := range help.FindAllStringSubmatch(text, -1) {
		name := m[1]
		if m[4] != "" && m[3] == "counter" {
			name += "{" + m[4] + "}"
		}
		want[fmt.Sprintf("| `%s` | %s | %s |", name, m[3], m[2])] = true
	}
	if !maps.Equal(documented, want) {
		t.Errorf("the table should be:\n%s", strings.Join(slices.Sorted(maps.Keys(want)), "\n"))
	}
}
