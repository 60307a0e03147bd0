package node_test

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// scrape is what /metrics says, by name and labels as they are written.
func scrape(t *testing.T, n *nodetest.Node) map[string]float64 {
	t.Helper()
	status, text := n.Ask(t, "GET", "/metrics", "")
	if status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(strings.TrimSpace(line[i+1:]), 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all[line[:i]] = v
	}
	return all
}

func TestMetrics(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.Data = t.TempDir() })
	const secret = "s3cret-token"
	s := n.Open(t, "token="+secret)
	n.Open(t, "token="+secret)
	n.Open(t, "token=other")
	for _, body := range []string{
		`{"tokens":["s3cret-token","nobody"],"id":"a"}`,
		`{"tokens":["s3cret-token","nobody"],"id":"a"}`, // duplicate
		`{"tokens":["nobody"],"id":"a"}`,                // conflict
		`{"tokens":[]}`, `{`,                            // invalid
	} {
		n.Post(t, "/api", body)
	}
	batch := strings.NewReader(strings.Join([]string{`{"all":true}`, `{"tokens":["other"]}`, `{"tokens":["x"],"id":"a"}`, `{"tokens":["x"],"id":"b","no":1}`, `{"tokens":["x"],"id":"b"}`}, "\n"))
	resp, err := n.Client.Post(n.URL+"/api/batch", "application/x-ndjson", batch)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for range 2 {
		if _, err := s.Next(); err != nil {
			t.Fatal(err)
		}
	}
	n.Do(t, "DELETE", "/api/streams?token="+secret, "")
	if _, err := s.Next(); err == nil {
		t.Error("the stream goes on")
	}

	got := scrape(t, n)
	for name, want := range map[string]float64{
		"notifier_streams_open":                                   1,
		"notifier_streams_opened_total":                           3,
		`notifier_streams_closed_total{reason="revoked"}`:         2,
		`notifier_streams_closed_total{reason="slow"}`:            0,
		"notifier_streams_slow":                                   0,
		"notifier_streams_catching_up":                            0,
		"notifier_deliveries_total":                               2 + 3 + 1,
		`notifier_publishes_total{result="accepted"}`:             1 + 3,
		`notifier_publishes_total{result="duplicate"}`:            1,
		`notifier_publishes_total{result="conflict"}`:             1 + 1,
		`notifier_publishes_total{result="invalid"}`:              2 + 1,
		`notifier_publishes_total{result="unavailable"}`:          0,
		`notifier_journal_batch_events_bucket{le="1"}`:            1 + 1, // one to a call, and the probe
		`notifier_journal_batch_events_bucket{le="4"}`:            3,
		"notifier_journal_batch_events_sum":                       4 + 1,
		"notifier_journal_events":                                 4 + 1,
		`notifier_journal_dropped_events_total{bound="keep-for"}`: 0,
		"notifier_ready":                                          1,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s: %v (%v), want %v", name, v, ok, want)
		}
	}
	for _, name := range []string{
		"notifier_delivered_bytes_total", "notifier_streams_max", "notifier_journal_bytes", "notifier_journal_disk_bytes", "notifier_journal_oldest_timestamp_seconds",
		"notifier_delivery_latency_seconds_sum", "notifier_delivery_latency_seconds_count", "notifier_journal_sync_seconds_count", "notifier_journal_sync_seconds_sum",
		"go_goroutines", "process_open_fds", "process_resident_memory_bytes",
	} {
		if got[name] <= 0 {
			t.Errorf("%s: %v", name, got[name])
		}
	}
	build := regexp.MustCompile(`^notifier_build_info\{goversion="go1[^"]+",version="[^"]+"\}$`)
	if !slices.ContainsFunc(slices.Collect(maps.Keys(got)), build.MatchString) {
		t.Error("no build info")
	}
	if _, text := n.Ask(t, "GET", "/metrics", ""); strings.Contains(text, secret) || strings.Contains(text, "nobody") {
		t.Error("a token is in the metrics")
	}
}

// Two nodes in one process do not count each other's publications.
func TestMetricsOfTwoNodes(t *testing.T) {
	one, other := nodetest.Start(t), nodetest.Start(t)
	one.Post(t, "/api", `{"tokens":["1"]}`)
	const accepted = `notifier_publishes_total{result="accepted"}`
	if a, b := scrape(t, one)[accepted], scrape(t, other)[accepted]; a != 1 || b != 0 {
		t.Errorf("%v and %v", a, b)
	}
}
