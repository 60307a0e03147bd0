package metrics

import (
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"notifier/stream"
)

// A figure is a metric without labels.
type figure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*Snapshot) float64
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

var figures = []figure{
	{desc("notifier_streams_open", "Streams that are open."),
		gauge, func(s *Snapshot) float64 { return float64(s.Streams.Open) }},
	{desc("notifier_streams_max", "Streams that may be open; 0 for any number."),
		gauge, func(s *Snapshot) float64 { return float64(s.MaxStreams) }},
	{desc("notifier_streams_slow", "Open streams whose client does not read."),
		gauge, func(s *Snapshot) float64 { return float64(s.Streams.Slow) }},
	{desc("notifier_streams_catching_up", "Open streams that read the journal."),
		gauge, func(s *Snapshot) float64 { return float64(s.Streams.CatchingUp) }},
	{desc("notifier_streams_opened_total", "Streams that were opened."),
		counter, func(s *Snapshot) float64 { return float64(s.Streams.Opened) }},
	{desc("notifier_deliveries_total", "Events written to a stream each."),
		counter, func(s *Snapshot) float64 { return float64(s.Streams.Deliveries) }},
	{desc("notifier_delivered_bytes_total", "Bytes written to streams."),
		counter, func(s *Snapshot) float64 { return float64(s.Streams.Bytes) }},
	{desc("notifier_journal_events", "Events in the journal."),
		gauge, func(s *Snapshot) float64 { return float64(s.Journal.Events) }},
	{desc("notifier_journal_bytes", "Bytes of the events in the journal, which keep-bytes bounds."),
		gauge, func(s *Snapshot) float64 { return float64(s.Journal.Bytes) }},
	{desc("notifier_journal_disk_bytes", "Bytes of all files of the journal; 0 in memory."),
		gauge, func(s *Snapshot) float64 { return float64(s.Journal.Disk) }},
	{desc("notifier_journal_oldest_timestamp_seconds", "About when the oldest event in the journal was published; 0 if there is none."),
		gauge, func(s *Snapshot) float64 { return unix(s.Journal.Oldest) }},
	{desc("notifier_ready", "Whether /readyz answers 200."),
		gauge, func(s *Snapshot) float64 { return truth(s.Ready) }},
}

// A family is a counter for each value of a label.
type family struct {
	desc   *prometheus.Desc
	values func(*Snapshot) map[string]uint64
}

var families = []family{
	{desc("notifier_streams_closed_total", "Streams that have ended, by why.", "reason"), closed},
	{desc("notifier_publishes_total", "Publications by what became of them; a request that is refused as a whole counts once.", "result"),
		func(s *Snapshot) map[string]uint64 { return s.Publishes }},
	{desc("notifier_refusals_total", "Requests, and lines of a batch, that were refused, by why.", "reason"),
		func(s *Snapshot) map[string]uint64 { return s.Refusals }},
	{desc("notifier_journal_dropped_events_total", "Events dropped from the journal because they were too old or took too much room, by the setting.", "bound"),
		func(s *Snapshot) map[string]uint64 {
			return map[string]uint64{"keep-for": s.Journal.TooOld, "keep-bytes": s.Journal.TooMuch}
		}},
}

// closed has every reason from the beginning: a rate cannot see the first event of
// a series that begins with it.
func closed(s *Snapshot) map[string]uint64 {
	all := map[string]uint64{}
	for _, why := range []stream.Reason{stream.Drain, stream.Revoked, stream.Expired, stream.Lifetime, stream.Slow, stream.Gone, stream.Unavailable} {
		all[string(why)] = 0
	}
	for why, n := range s.Streams.Closed {
		all[string(why)] = n
	}
	return all
}

// A histogram is read as how many values there are, their sum, and how many are
// not larger than each bound.
type histogram struct {
	desc *prometheus.Desc
	read func(*Snapshot) (n uint64, sum float64, buckets map[float64]uint64)
}

var histograms = []histogram{
	{desc("notifier_delivery_latency_seconds", "From an event's place in the journal until every stream of one of its tokens, but slow ones, was written to."),
		func(s *Snapshot) (uint64, float64, map[float64]uint64) {
			h := &s.Streams.Latency
			n, buckets := cumulate(h.Counts[:], func(i int) float64 { return seconds(h.Bound(i)) })
			return n, h.Sum.Seconds(), buckets
		}},
	{desc("notifier_journal_batch_events", "Events that the journal took in one go."),
		func(s *Snapshot) (uint64, float64, map[float64]uint64) {
			h := &s.Journal.Batches
			n, buckets := cumulate(h.Counts[:], func(i int) float64 { return float64(h.Bound(i)) })
			return n, float64(h.Sum), buckets
		}},
	{desc("notifier_journal_sync_seconds", "How long the disk took to have a batch."),
		func(s *Snapshot) (uint64, float64, map[float64]uint64) {
			h := &s.Journal.Syncs
			n, buckets := cumulate(h.Counts[:], func(i int) float64 { return seconds(time.Duration(h.Bound(i))) })
			return n, time.Duration(h.Sum).Seconds(), buckets
		}},
}

// cumulate adds counts up. The last one is for what is beyond every bound.
func cumulate(counts []uint64, bound func(int) float64) (n uint64, buckets map[float64]uint64) {
	buckets = make(map[float64]uint64, len(counts)-1)
	for i, c := range counts {
		if n += c; i < len(counts)-1 {
			buckets[bound(i)] = n
		}
	}
	return n, buckets
}

// buildInfo is 1, labelled with what runs.
func buildInfo() prometheus.Collector {
	version := "(unknown)"
	if b, ok := debug.ReadBuildInfo(); ok {
		version = b.Main.Version
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "notifier_build_info",
		Help:        "1, labelled with the version of notifier and of Go.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	g.Set(1)
	return g
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// seconds is d.Seconds() rounded once: bounds are read by people.
func seconds(d time.Duration) float64 { return float64(d) / 1e9 }

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
