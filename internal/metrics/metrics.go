// Package metrics shows Prometheus what a node does. It owns the names of the
// metrics, their help and their units, and a registry for each node: two nodes in
// one process do not see each other.
//
// It counts nothing itself. The packages that do the work keep figures that cost
// them next to nothing, and a scrape reads them all, once. No label ever has a
// token in it, or anything else that clients can make up.
package metrics

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"notifier/journal"
	"notifier/stream"
)

// A Snapshot is what a node does, and what it has done since it began.
type Snapshot struct {
	Streams stream.Stats
	Journal journal.Metrics

	Publishes map[string]uint64 // by result
	Refusals  map[string]uint64 // by why

	MaxStreams int  // 0 for any number
	Ready      bool // as /readyz says
}

// Handler answers scrapes with what take returns, and with what is known of the
// build, of the Go runtime and of the process. take may be called concurrently.
func Handler(take func() Snapshot, log *slog.Logger) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collector(take),
		buildInfo(),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
	})
}

// A collector turns a snapshot into metrics.
type collector func() Snapshot

// Describe says everything there may be, so that a name given twice is found out
// at the start.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range figures {
		to <- f.desc
	}
	for _, f := range families {
		to <- f.desc
	}
	for _, h := range histograms {
		to <- h.desc
	}
}

func (c collector) Collect(to chan<- prometheus.Metric) {
	s := c()
	for _, f := range figures {
		to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(&s))
	}
	for _, f := range families {
		for label, n := range f.values(&s) {
			to <- prometheus.MustNewConstMetric(f.desc, prometheus.CounterValue, float64(n), label)
		}
	}
	for _, h := range histograms {
		n, sum, buckets := h.read(&s)
		to <- prometheus.MustNewConstHistogram(h.desc, n, sum, buckets)
	}
}
