package loadtest

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are recorded in microseconds up to longest, to within a thousandth.
const (
	longest = 10 * time.Minute
	digits  = 3
)

// A meter records latencies as they are measured. It may be used concurrently.
type meter struct {
	mu         sync.Mutex
	begun      time.Time
	ended      bool
	deliveries *hdrhistogram.Histogram
	publishes  *hdrhistogram.Histogram
	current    *hdrhistogram.Histogram // deliveries of the second that is under way
	seconds    []Second
}

func newMeter() *meter {
	return &meter{deliveries: newHistogram(), publishes: newHistogram(), current: newHistogram()}
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, longest.Microseconds(), digits)
}

// begin is called before the first publication.
func (m *meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun = time.Now()
}

// end closes the second that is under way. What comes later is not measured.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn()
	if m.current.TotalCount() > 0 {
		m.seconds = append(m.seconds, m.second())
	}
	m.ended = true
}

func (m *meter) delivery(latency time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return
	}
	m.turn()
	record(m.deliveries, latency)
	record(m.current, latency)
}

func (m *meter) publication(latency time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	record(m.publishes, latency)
}

// turn begins a new second if it is time. Seconds without a delivery count, too.
func (m *meter) turn() {
	for time.Since(m.begun) >= time.Duration(len(m.seconds)+1)*time.Second {
		m.seconds = append(m.seconds, m.second())
		m.current.Reset()
	}
}

func (m *meter) second() Second {
	return Second{
		Delivered: m.current.TotalCount(),
		P50:       milliseconds(m.current.ValueAtQuantile(50)),
		P99:       milliseconds(m.current.ValueAtQuantile(99)),
	}
}

func (m *meter) delivered() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.deliveries.TotalCount()
}

// elapsed is the time since the first publication.
func (m *meter) elapsed() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begun.IsZero() {
		return 0
	}
	return time.Since(m.begun)
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	h.RecordValue(min(max(d, 0), longest).Microseconds()) // within its range
}

func milliseconds(us int64) float64 { return float64(us) / 1000 }
