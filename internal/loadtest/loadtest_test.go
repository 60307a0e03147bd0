package loadtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ignore(Progress) {}

// small is a test that takes half a second.
func small(t *testing.T, base string) Config {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	return Config{URL: u, Streams: 12, Tokens: 6, Rate: 100, Fanout: 3, Duration: 500 * time.Millisecond}
}

func run(t *testing.T, cfg Config, progress func(Progress)) *Result {
	t.Helper()
	r, err := Run(t.Context(), cfg, progress)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSoundServer(t *testing.T) {
	n := nodetest.Start(t)
	var last Progress
	r := run(t, small(t, n.URL), func(p Progress) { last = p })
	// 50 events for 3 tokens of 2 streams each.
	if r.Published != 50 || r.Delivered != 300 || !r.Sound() || r.Reconnects != 0 {
		t.Errorf("%+v", r)
	}
	if want := (Progress{Open: 12, Published: 500 * time.Millisecond, Delivered: 300}); last != want {
		t.Errorf("progress at the end %+v, want %+v", last, want)
	}
	if l := r.Delivery; l.P50 <= 0 || l.P50 > l.P99 || l.P99 > l.Max || l.Max > 5000 {
		t.Errorf("latencies %+v", l)
	}
	var inBuckets, inSeconds int64
	for _, b := range r.Buckets {
		inBuckets += b.Count
	}
	for _, s := range r.Seconds {
		inSeconds += s.Delivered
	}
	if inBuckets != 300 || inSeconds != 300 {
		t.Errorf("%d in the histogram, %d over time; want 300", inBuckets, inSeconds)
	}
	if tokens, _ := n.Do(t, http.MethodGet, "/api/streams", ""); tokens != http.StatusOK {
		t.Errorf("status %d", tokens)
	}
}

// TestReconnects ends all streams in the middle: they must come back and get what
// they have missed.
func TestReconnects(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.Retry = 100 * time.Millisecond })
	var once sync.Once
	r := run(t, small(t, n.URL), func(p Progress) {
		if p.Delivered == 0 {
			return
		}
		once.Do(func() {
			_, online := n.Do(t, http.MethodGet, "/api/streams", "")
			for _, o := range online["online"].([]any) {
				token := o.(map[string]any)["token"].(string)
				if !strings.HasPrefix(token, Prefix) {
					t.Errorf("token %q", token)
				}
				n.Do(t, http.MethodDelete, "/api/streams?token="+token, "")
			}
		})
	})
	if r.Reconnects < 12 || !r.Sound() {
		t.Errorf("%d reconnects, want 12 and more; %+v", r.Reconnects, r)
	}
}

// A liar is a server that loses the event with number 1, sends that with number 2
// twice, and that with number 3 to every stream; or one that only is late with the
// last.
type liar struct {
	late    bool
	mu      sync.Mutex
	streams map[string][]chan string
}

func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		l.publish(r)
		fmt.Fprint(w, "{}")
		return
	}
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	events := make(chan string, 1000)
	l.mu.Lock()
	l.streams[token] = append(l.streams[token], events)
	l.mu.Unlock()
	for {
		http.NewResponseController(w).Flush()
		select {
		case ev := <-events:
			io.WriteString(w, ev)
		case <-r.Context().Done():
			return
		}
	}
}

func (l *liar) publish(r *http.Request) {
	var p struct {
		Tokens     []string
		EntityType string
		Data       payload
	}
	json.NewDecoder(r.Body).Decode(&p)
	times := map[int32]int{1: 0, 2: 2}
	n, special := times[p.Data.N]
	if !special || l.late {
		n = 1
	}
	data, _ := json.Marshal(map[string]any{"entityType": p.EntityType, "data": p.Data})
	l.mu.Lock()
	defer l.mu.Unlock()
	to := p.Tokens
	if p.Data.N == 3 && !l.late {
		to = nil
		for token := range l.streams {
			to = append(to, token)
		}
	}
	for _, token := range to {
		for _, s := range l.streams[token] {
			for range n {
				ev := "event: bench\ndata: " + string(data) + "\nid: 1\n\n"
				if p.Data.N == 49 && l.late {
					time.AfterFunc(200*time.Millisecond, func() { s <- ev })
					continue
				}
				s <- ev
			}
		}
	}
}

func TestLiar(t *testing.T) {
	srv := httptest.NewServer(&liar{streams: map[string][]chan string{}})
	defer srv.Close()
	r := run(t, small(t, srv.URL), ignore)
	// Each event is for 3 of 6 tokens, of 2 streams each.
	if r.Lost != 6 || r.Doubled != 6 || r.Misrouted != 6 || r.Sound() {
		t.Errorf("lost %d, doubled %d, misrouted %d; want 6 of each", r.Lost, r.Doubled, r.Misrouted)
	}
}

func TestLate(t *testing.T) {
	srv := httptest.NewServer(&liar{late: true, streams: map[string][]chan string{}})
	defer srv.Close()
	if r := run(t, small(t, srv.URL), ignore); !r.Sound() || r.Delivered != 300 {
		t.Errorf("delivered %d, lost %d; want to wait for what is late", r.Delivered, r.Lost)
	}
}

func TestRefusals(t *testing.T) {
	full := nodetest.Start(t, func(c *config.Config) { c.StreamsPerToken = 1 })
	noPublishing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"detail":"no such key"}`)
			return
		}
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer noPublishing.Close()
	for _, tt := range []struct {
		url  string
		want []string
	}{
		{full.URL, []string{"stream 7 of 12", "429", "--streams-per-token"}},
		{noPublishing.URL, []string{"nothing could be published", "403", "no such key", "--key"}},
	} {
		_, err := Run(t.Context(), small(t, tt.url), ignore)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q in it", err, want)
			}
		}
	}
}

func TestInterrupted(t *testing.T) {
	n := nodetest.Start(t)
	cfg := small(t, n.URL)
	cfg.Duration = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	r, err := Run(ctx, cfg, func(p Progress) {
		if p.Delivered > 0 {
			cancel()
		}
	})
	if err != nil || r.Published == 0 || r.Failed != 0 || r.Doubled != 0 || r.Misrouted != 0 {
		t.Errorf("%+v, %v; want what was done so far", r, err)
	}
}

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		got, must, may []int32
		want           tally
	}{
		{[]int32{3, 1, 2}, []int32{1, 2, 3}, nil, tally{}},
		{nil, []int32{1, 2}, nil, tally{lost: 2}},
		{[]int32{1, 1, 1}, []int32{1}, nil, tally{doubled: 2}},
		{[]int32{1, 9}, []int32{1}, nil, tally{misrouted: 1}},
		{[]int32{1, 9}, []int32{1}, []int32{8, 9}, tally{}},
		{[]int32{9, 9, 5}, []int32{1, 5}, nil, tally{lost: 1, doubled: 1, misrouted: 1}},
	} {
		if got := compare(tt.got, tt.must, tt.may); got != tt.want {
			t.Errorf("%v of %v (%v): %+v, want %+v", tt.got, tt.must, tt.may, got, tt.want)
		}
	}
}

func TestBuckets(t *testing.T) {
	h := newHistogram()
	for _, d := range []time.Duration{300 * time.Microsecond, time.Millisecond, 900 * time.Microsecond, 7 * time.Millisecond} {
		record(h, d)
	}
	want := []Bucket{{0.5, 1}, {1, 2}, {2, 0}, {5, 0}, {10, 1}}
	if got := buckets(h); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestWriteText(t *testing.T) {
	r := &Result{Streams: 3, Tokens: 2, Published: 20, Publishing: 2, Failed: 1, Failure: "too many\nsee there", Delivered: 60, Lost: 4, Reconnects: 5,
		Delivery: Latency{P50: 1.25}, Buckets: []Bucket{{1, 15}, {2, 45}}}
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"3 of 2 tokens", "5 reconnects", "20 events in 2.0 s, 10 a second; 1 were not taken: too many\n             see there",
		"60, 30 a second", "4 lost, 0 doubled", "1.25", "25.00 %", strings.Repeat("█", barWidth) + " 75.00 %",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
