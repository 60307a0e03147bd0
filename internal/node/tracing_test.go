package node_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// A traces is a collector of OTLP over HTTP.
type traces struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*otlp.Span
	about string // all resources
}

func collect(t *testing.T) *traces {
	c := &traces{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		var req collector.ExportTraceServiceRequest
		if err != nil || r.Method != "POST" || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(b, &req) != nil {
			t.Errorf("%s %s: %v, %d bytes of %s", r.Method, r.URL, err, len(b), r.Header.Get("Content-Type"))
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, rs := range req.ResourceSpans {
			c.about += rs.Resource.String()
			for _, ss := range rs.ScopeSpans {
				c.spans = append(c.spans, ss.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Close)
	return c
}

// publishTraced publishes for a publisher that has a trace of its own.
func publishTraced(t *testing.T, n *nodetest.Node, parent, body string) {
	t.Helper()
	req, err := http.NewRequest("POST", n.URL+"/api", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Traceparent", parent)
	resp, err := n.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// A publisher's trace goes on in the server: its request, in that the journal, and
// in that the hub.
func TestTracing(t *testing.T) {
	c := collect(t)
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	n := nodetest.Start(t, func(cfg *config.Config) { cfg.OTLPURL, cfg.TraceRatio, cfg.BasePath = c.URL, 0, "/ws" })
	n.Open(t, "token=s3cret-token")
	publishTraced(t, n, "00-"+trace+"-"+parent+"-01", `{"tokens":["s3cret-token"],"data":"pr1vate"}`)
	publishTraced(t, n, "00-"+trace+"-"+parent+"-00", `{"tokens":["1"]}`) // the publisher does not
	n.Post(t, "/api", `{"tokens":["1"]}`)                                 // nor does the ratio
	n.Stop(t)

	if len(c.spans) != 3 {
		t.Fatalf("%d spans: %v", len(c.spans), c.spans)
	}
	inside := parent
	var outer *otlp.Span
	for _, name := range []string{"POST /ws/api", "append", "fan-out"} {
		s := named(t, c, name)
		if hex.EncodeToString(s.TraceId) != trace || hex.EncodeToString(s.ParentSpanId) != inside {
			t.Errorf("%s: it is %x in %x", name, s.ParentSpanId, s.TraceId)
		}
		if s.StartTimeUnixNano > s.EndTimeUnixNano || outer != nil && (s.StartTimeUnixNano < outer.StartTimeUnixNano || s.EndTimeUnixNano > outer.EndTimeUnixNano) {
			t.Errorf("%s: from %d to %d, outside of %v", name, s.StartTimeUnixNano, s.EndTimeUnixNano, outer)
		}
		inside, outer = hex.EncodeToString(s.SpanId), s
	}
	if all := fmt.Sprint(c.spans) + c.about; strings.Contains(all, "s3cret") || strings.Contains(all, "pr1vate") || !strings.Contains(all, "notifier") {
		t.Errorf("they say: %s", all)
	}
	if kind := named(t, c, "POST /ws/api").Kind; kind != otlp.Span_SPAN_KIND_SERVER {
		t.Errorf("kind %v", kind)
	}
}

func named(t *testing.T, c *traces, name string) *otlp.Span {
	t.Helper()
	for _, s := range c.spans {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no span %s", name)
	return nil
}

// However many share a batch of the journal, each sees its own hub.
func TestTracingOfMany(t *testing.T) {
	c := collect(t)
	n := nodetest.Start(t, func(cfg *config.Config) { cfg.OTLPURL, cfg.Data = c.URL, t.TempDir() })
	var all sync.WaitGroup
	const publishers, each = 8, 10
	for p := range publishers {
		all.Go(func() {
			for i := range each {
				publishTraced(t, n, "", fmt.Sprintf(`{"tokens":["1"],"id":"%d.%d"}`, p, i/2)) // every second a duplicate
			}
		})
	}
	n.Post(t, "/api", `{"tokens":[]}`)
	all.Wait()
	n.Stop(t)
	count := map[string]int{}
	for _, s := range c.spans {
		count[s.Name]++
	}
	if count["POST /api"] != publishers*each+1 || count["append"] != publishers*each || count["fan-out"] != publishers*each/2 {
		t.Errorf("%v", count)
	}
}

// Spans go where the operator said, and nowhere else; that they do not arrive is said
// in the log and costs nobody anything.
func TestTracingIsNotRedirected(t *testing.T) {
	elsewhere := collect(t)
	c := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/v1/traces", http.StatusTemporaryRedirect))
	defer c.Close()
	n := nodetest.Start(t, func(cfg *config.Config) { cfg.OTLPURL = c.URL })
	if status, _ := n.Post(t, "/api", `{"tokens":["1"]}`); status != 200 {
		t.Errorf("%d", status)
	}
	n.Stop(t)
	if len(elsewhere.spans) != 0 || !strings.Contains(n.Log.String(), "traces cannot be sent") {
		t.Errorf("%d spans went elsewhere; log: %s", len(elsewhere.spans), n.Log)
	}
}
