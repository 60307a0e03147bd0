package main

import "fmt"

// goal is a bound that a number of ours is held to.
type goal struct {
	text     string
	scenario string
	server   string
	value    func(our finding, of map[string]finding) float64
	digits   int
	least    float64 // the bound; 0 if there is none below
	most     float64
}

func metric(name string) func(finding, map[string]finding) float64 {
	return func(our finding, _ map[string]finding) float64 { return our.metrics[name] }
}

// over is a metric as a multiple of another server's.
func over(name, server string) func(finding, map[string]finding) float64 {
	return func(our finding, of map[string]finding) float64 { return our.metrics[name] / of[server].metrics[name] }
}

var goals = []goal{
	{text: "idle: KiB per stream", scenario: "idle", server: memory, value: metric("kb"), digits: 2, most: 2.5},
	{text: "idle over TLS: KiB per stream", scenario: "secure", server: overTLS, value: metric("kb"), digits: 1, most: 16},
	{text: "fan-out: p50, times the floor's", scenario: "fanout", server: memory, value: over("last_p50_ms", floor), digits: 2, most: 1.2},
	{text: "fan-out: CPU, times the floor's", scenario: "fanout", server: memory, value: over("cpu_s_per_million", floor), digits: 2, most: 1.3},
	{text: "fan-out, 8 in flight: deliveries/s", scenario: "fanout", server: memory, value: metric("pipelined_per_s"), least: 500_000},
	{text: "2000/s: CPU, times the floor's, in memory", scenario: "unicast", server: memory, value: over("cpu_s_per_million", floor), digits: 2, most: 2.4},
	{text: "2000/s: CPU, times the floor's, on disk", scenario: "unicast", server: durable, value: over("cpu_s_per_million", floor), digits: 2, most: 4.8},
	{text: "2000/s: p99, times Nchan's, in memory", scenario: "unicast", server: memory, value: over("delivery_p99_ms", nchan), digits: 2, most: 1},
	{text: "32 publishers: publications/s, in memory", scenario: "saturated-32", server: memory, value: metric("published_per_s"), least: 32_000},
	{text: "32 publishers: publications/s, on disk", scenario: "saturated-32", server: durable, value: metric("published_per_s"), least: 15_000},
	{text: "64 publishers: on disk, times in memory", scenario: "saturated-64", server: durable, value: over("published_per_s", memory), digits: 2, least: 0.7},
	{text: "batches: events/s, on disk", scenario: "batch", server: durable, value: metric("published_per_s"), least: 60_000},
	{text: "stuck readers: p99, times that without them, in memory", scenario: "slow", server: memory, value: worse, digits: 2, most: 1.5},
	{text: "stuck readers: p99, times that without them, on disk", scenario: "slow", server: durable, value: worse, digits: 2, most: 1.5},
	{text: "stuck readers: MiB each, in memory", scenario: "slow", server: memory, value: metric("mb_per_stuck"), digits: 2, most: 1},
	{text: "stuck readers: MiB each, on disk", scenario: "slow", server: durable, value: metric("mb_per_stuck"), digits: 2, most: 1},
	{text: "all streams come back, 10 missed each: ms, on disk", scenario: "resume-all", server: durable, value: metric("complete_max_ms"), most: 5000},
	{text: "a stream comes back, 500 missed: ms, on disk", scenario: "resume-one", server: durable, value: metric("complete_p50_ms"), digits: 1, most: 15},
}

// worse is how much stuck readers delay the others.
func worse(our finding, _ map[string]finding) float64 {
	return our.metrics["delivery_p99_ms"] / our.metrics["alone_delivery_p99_ms"]
}

// row is the goal's line of the table; "" if what it needs was not measured.
func (g goal) row(all []found) string {
	for _, f := range all {
		our, ok := f.of[g.server]
		if f.name != g.scenario || !ok || our.metrics == nil {
			continue
		}
		v := g.value(our, f.of)
		bound, met := fmt.Sprintf("≤ %v", g.most), v <= g.most
		if g.least > 0 {
			bound, met = "≥ "+number(g.least, g.digits), v >= g.least
		}
		verdict := "yes"
		if !met {
			verdict = "**no**"
		}
		return fmt.Sprintf("| %s | %s | %s | %s |\n", g.text, bound, number(v, g.digits), verdict)
	}
	return ""
}
