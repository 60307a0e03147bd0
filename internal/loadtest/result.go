package loadtest

import (
	"fmt"
	"io"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Result is what was measured. Latencies are in milliseconds, and count from
// when an event was due to be published; other times are in seconds.
type Result struct {
	URL     string `json:"url"`
	Streams int    `json:"streams"`
	Tokens  int    `json:"tokens"`
	Rate    int    `json:"rate"`
	Fanout  int    `json:"fanout"`

	Opening    float64 `json:"opening"`    // of all streams
	Publishing float64 `json:"publishing"` // of all events

	Published int    `json:"published"`
	Failed    int    `json:"failed"` // publications that the server did not take
	Failure   string `json:"failure,omitempty"`

	Delivered  int64 `json:"delivered"`
	Lost       int   `json:"lost"`
	Doubled    int   `json:"doubled"`
	Misrouted  int   `json:"misrouted"` // to streams of other tokens, or from somebody else
	Reconnects int   `json:"reconnects"`

	Publish  Latency  `json:"publish"`  // until the server's answer
	Delivery Latency  `json:"delivery"` // until a stream has it
	Buckets  []Bucket `json:"buckets"`  // of deliveries
	Seconds  []Second `json:"seconds"`
}

// A Latency is a distribution in brief.
type Latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// A Bucket counts the deliveries that took at most UpTo, and more than the bucket
// before.
type Bucket struct {
	UpTo  float64 `json:"upTo"`
	Count int64   `json:"count"`
}

// A Second is what was delivered in one second, and how late.
type Second struct {
	Delivered int64   `json:"delivered"`
	P50       float64 `json:"p50"`
	P99       float64 `json:"p99"`
}

// Sound reports whether everything that was published arrived once, and only
// where it should.
func (r *Result) Sound() bool {
	return r.Failed == 0 && r.Lost == 0 && r.Doubled == 0 && r.Misrouted == 0
}

// count fills in what is known once all streams have ended.
func (t *test) count(r *Result) {
	r.Published, r.Failed = t.ledger.taken, t.ledger.failed
	if t.ledger.failure != nil {
		r.Failure = t.ledger.failure.Error()
	}
	must, may := t.ledger.expected(len(t.tokens))
	for _, s := range t.streams {
		c := compare(s.got, must[s.token], may[s.token])
		r.Lost += c.lost
		r.Doubled += c.doubled
		r.Misrouted += c.misrouted + s.foreign
		r.Reconnects += s.reconnects
	}
	r.Delivered = t.meter.delivered()
	r.Publish, r.Delivery = latency(t.meter.publishes), latency(t.meter.deliveries)
	r.Buckets, r.Seconds = buckets(t.meter.deliveries), t.meter.seconds
}

func latency(h *hdrhistogram.Histogram) Latency {
	at := func(q float64) float64 { return milliseconds(h.ValueAtQuantile(q)) }
	return Latency{P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: milliseconds(h.Max())}
}

// buckets are 1, 2 and 5 times the powers of ten, from the first to the last that
// has anything in it.
func buckets(h *hdrhistogram.Histogram) (all []Bucket) {
	upTo := int64(100)
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		for upTo < bar.To {
			if all != nil {
				all = append(all, Bucket{UpTo: milliseconds(next(upTo))})
			}
			upTo = next(upTo)
		}
		if all == nil {
			all = []Bucket{{UpTo: milliseconds(upTo)}}
		}
		all[len(all)-1].Count += bar.Count
	}
	return all
}

// next follows n in 1, 2, 5, 10, 20, 50, …
func next(n int64) int64 {
	for p := int64(1); ; p *= 10 {
		switch n {
		case p, 5 * p:
			return 2 * n
		case 2 * p:
			return 5 * p
		}
	}
}

// barWidth is the longest bar of the histogram, in characters.
const barWidth = 40

// WriteText writes the result for people.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "streams      %d of %d tokens, opened in %.1f s", r.Streams, r.Tokens, r.Opening)
	if r.Reconnects > 0 {
		fmt.Fprintf(&b, ", %d reconnects", r.Reconnects)
	}
	fmt.Fprintf(&b, "\npublished    %d events in %.1f s, %.0f a second", r.Published, r.Publishing, float64(r.Published)/r.Publishing)
	if r.Failed > 0 {
		fmt.Fprintf(&b, "; %d were not taken: %s", r.Failed, strings.ReplaceAll(r.Failure, "\n", "\n             "))
	}
	fmt.Fprintf(&b, "\ndelivered    %d, %.0f a second\n", r.Delivered, float64(r.Delivered)/r.Publishing)
	fmt.Fprintf(&b, "             %d lost, %d doubled, %d misrouted\n\n", r.Lost, r.Doubled, r.Misrouted)
	fmt.Fprintf(&b, "%-12s %8s %8s %8s %8s %8s\n", "ms", "p50", "p90", "p99", "p99.9", "max")
	for _, l := range []struct {
		name string
		Latency
	}{{"publish", r.Publish}, {"delivery", r.Delivery}} {
		fmt.Fprintf(&b, "%-12s %8.2f %8.2f %8.2f %8.2f %8.2f\n", l.name, l.P50, l.P90, l.P99, l.P999, l.Max)
	}
	b.WriteString("\n")
	var most int64 = 1
	for _, k := range r.Buckets {
		most = max(most, k.Count)
	}
	for _, k := range r.Buckets {
		bar := strings.Repeat("█", int((k.Count*barWidth+most-1)/most)) // at least one if there is any
		fmt.Fprintf(&b, "≤ %7g ms %-*s %.2f %%\n", k.UpTo, barWidth, bar, 100*float64(k.Count)/float64(r.Delivered))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
