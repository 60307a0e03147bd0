package main

import "slices"

// scenario is a question, asked of several servers.
type scenario struct {
	name    string
	title   string
	says    string // what happens in it
	servers []string
	args    []string // of loadgen
	// alone is asked of a process of its own, in each run. Its numbers have the
	// prefix alone_.
	alone []string
	// derive adds numbers to those of a run.
	derive  func(metrics)
	columns []column
}

// column is one number of a scenario's table.
type column struct {
	title  string
	metric string
	digits int
	ratio  bool // also as a multiple of the floor's
	plot   bool
}

var (
	everyone = []string{floor, memory, durable, nchan, r3labs, sockets}
	keepers  = []string{memory, durable, nchan, r3labs} // of events
)

// others are all servers but one.
func others(s string) []string {
	return slices.DeleteFunc(slices.Clone(everyone), func(o string) bool { return o == s })
}

func saturated(name, publishers string) scenario {
	return scenario{
		name: name, title: "As fast as it goes, " + publishers + " publishers",
		says:    "5000 streams; each publisher sends its next event as soon as the one before is answered.",
		servers: everyone,
		args:    []string{"unicast", "-n", "5000", "-saturate", "-c", publishers, "-warmup", "500ms", "-length", "2s"},
		columns: []column{
			{title: "publications/s", metric: "published_per_s", plot: true},
			{title: "answer p50 ms", metric: "answer_p50_ms", digits: 2},
			{title: "answer p99 ms", metric: "answer_p99_ms", digits: 2},
			{title: "CPU s per million", metric: "cpu_s_per_million", digits: 1, ratio: true},
		},
	}
}

var scenarios = []scenario{
	{
		name: "idle", title: "Idle streams",
		says:    "10 000 streams connect, each with its own token, and wait.",
		servers: others(durable),
		args:    []string{"idle", "-n", "10000", "-length", "2s"},
		derive:  func(m metrics) { m["kb"] = m["rss_per_stream"] / 1024 },
		columns: []column{
			{title: "KiB of memory per stream", metric: "kb", digits: 1, plot: true},
			{title: "connects/s", metric: "connects_per_s"},
		},
	},
	{
		name: "secure", title: "Idle streams over TLS",
		says:    "8000 streams connect, each with its own token, and wait. The client's share of the machine is large.",
		servers: []string{overTLS, http2},
		args:    []string{"secure", "-n", "8000", "-length", "2s"},
		derive:  func(m metrics) { m["kb"] = m["rss_per_stream"] / 1024 },
		columns: []column{
			{title: "KiB of memory per stream", metric: "kb", digits: 1},
			{title: "connects/s", metric: "connects_per_s"},
		},
	},
	{
		name: "fanout", title: "One event for 10 000 streams",
		says:    "From sending it to its last delivery, one event at a time; then with 8 in flight.",
		servers: others(durable),
		args:    []string{"fanout", "-n", "10000", "-m", "20", "-w", "8"},
		derive:  func(m metrics) { m["lost"] += m["pipelined_lost"] },
		columns: []column{
			{title: "p50 ms", metric: "last_p50_ms", digits: 0, ratio: true, plot: true},
			{title: "CPU s per million", metric: "cpu_s_per_million", digits: 1, ratio: true},
			{title: "deliveries/s, 8 in flight", metric: "pipelined_per_s"},
			{title: "CPU s per million, 8 in flight", metric: "pipelined_cpu_s_per_million", digits: 1},
		},
	},
	{
		name: "unicast", title: "2000 events a second for single streams",
		says:    "5000 streams with a token each. Delays count from when an event was due.",
		servers: everyone,
		args:    []string{"unicast", "-n", "5000", "-rate", "2000", "-length", "4s"},
		columns: []column{
			{title: "p50 ms", metric: "delivery_p50_ms", digits: 2},
			{title: "p99 ms", metric: "delivery_p99_ms", digits: 2},
			{title: "CPU s per million", metric: "cpu_s_per_million", digits: 0, ratio: true, plot: true},
		},
	},
	saturated("saturated-32", "32"),
	saturated("saturated-64", "64"),
	{
		name: "batch", title: "Batches",
		says:    "`POST /api/batch` with 100 events for single streams in each, from 8 publishers.",
		servers: []string{memory, durable},
		args: []string{"unicast", "-n", "5000", "-saturate", "-c", "8", "-lines", "100", "-warmup", "500ms", "-length", "2s",
			"-pub-url", "http://{addr}/api/batch", "-pub-type", "application/x-ndjson"},
		columns: []column{
			{title: "events/s", metric: "published_per_s"},
			{title: "answer p50 ms", metric: "answer_p50_ms", digits: 1},
			{title: "CPU s per million", metric: "cpu_s_per_million", digits: 1},
		},
	},
	{
		name: "slow", title: "Stuck readers",
		says:    "100 events of 16 KiB a second for 200 streams; and again beside 5 more that never read.",
		servers: everyone,
		args:    []string{"slow", "-n", "200", "-stuck", "5", "-rate", "100", "-size", "16384", "-length", "3s", "-patience", "3s"},
		alone:   []string{"slow", "-n", "200", "-stuck", "0", "-rate", "100", "-size", "16384", "-length", "3s", "-patience", "3s"},
		derive: func(m metrics) {
			grown := m["rss_peak"] - m["rss_before"] - (m["alone_rss_peak"] - m["alone_rss_before"])
			m["mb_per_stuck"] = grown / 5 / (1 << 20)
			m["lost_percent"] = 100 * m["lost"] / (m["sent"] * 200)
		},
		columns: []column{
			{title: "p99 ms without stuck ones", metric: "alone_delivery_p99_ms", digits: 1},
			{title: "p99 ms beside them", metric: "delivery_p99_ms", digits: 1, plot: true},
			{title: "lost %", metric: "lost_percent", digits: 1},
			{title: "more memory per stuck stream, MiB", metric: "mb_per_stuck", digits: 2},
		},
	},
	{
		name: "resume-one", title: "A stream comes back",
		says:    "One stream is cut, misses 500 events and comes back with its last id.",
		servers: keepers,
		args:    []string{"resume", "-n", "1", "-missed", "500"},
		columns: []column{
			{title: "ms until it has everything", metric: "complete_p50_ms", digits: 1},
		},
	},
	{
		name: "resume-all", title: "All streams come back",
		says:    "10 000 streams, each with its own token, are cut at once, miss 10 events each and come back at once.",
		servers: keepers,
		args:    []string{"resume", "-n", "10000", "-missed", "10"},
		columns: []column{
			{title: "p50 ms", metric: "complete_p50_ms", digits: 0},
			{title: "ms until all have everything", metric: "complete_max_ms", digits: 0, plot: true},
			{title: "CPU s per million", metric: "cpu_s_per_million", digits: 1},
		},
	},
}
