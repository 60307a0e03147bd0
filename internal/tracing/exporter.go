package tracing

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// An exporter sends spans to a collector, and tells the log when it cannot: the
// library would tell the whole process.
type exporter struct {
	sdk.SpanExporter
	client *http.Client
	log    *slog.Logger
	told   atomic.Int64 // when the log was, Unix seconds
}

// tellEvery is how often the log is told of the same trouble.
const tellEvery = 60 // seconds

func newExporter(collector string, log *slog.Logger) (*exporter, error) {
	u, err := url.Parse(collector)
	if err != nil {
		return nil, errors.New("the URL of the collector is malformed")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	client := &http.Client{
		Timeout:   10 * time.Second,
		Transport: http.DefaultTransport.(*http.Transport).Clone(),
		// Spans go where the operator said, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	out, err := otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(u.String()), otlptracehttp.WithHTTPClient(client))
	return &exporter{SpanExporter: out, client: client, log: log}, err
}

func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if now, last := time.Now().Unix(), e.told.Load(); err != nil && now-last >= tellEvery && e.told.CompareAndSwap(last, now) {
		e.log.Warn("traces cannot be sent", "spans", len(spans), "err", err)
	}
	return nil
}

func (e *exporter) Shutdown(ctx context.Context) error {
	defer e.client.CloseIdleConnections()
	return e.SpanExporter.Shutdown(ctx)
}
