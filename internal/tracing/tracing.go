// Package tracing shows in traces what becomes of publications: a span for the
// request, inside the one that the publisher's traceparent names if it names one; in
// it a span for the journal, and in that one for the hub. They go to a collector,
// over OTLP.
//
// It owns OpenTelemetry, and wraps what others hand it: nobody else knows that there
// are traces. A nil Tracer hands everything back as it was, so that tracing costs
// nothing where it is off. No span ever has a token in it.
package tracing

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"notifier"
)

// A Tracer makes spans. Its methods may be called concurrently.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	fanOuts  fanOuts
	status   func(error) int
}

// Config is what a [Tracer] needs to know.
type Config struct {
	// URL is the collector's. Without a path it is the usual one, /v1/traces.
	URL string
	// Ratio is the part of the publications that is traced, 0 to 1. One whose
	// publisher says whether it traces it is traced if the publisher does.
	Ratio float64
	// Version is this program's.
	Version string
	// Status is the HTTP status that a handler's error is answered with.
	Status func(error) int
	// Log is told when the collector cannot be reached.
	Log *slog.Logger
}

// Open returns a Tracer, which does not connect before there is something to send.
func Open(cfg Config) (*Tracer, error) {
	out, err := newExporter(cfg.URL, cfg.Log)
	if err != nil {
		return nil, err
	}
	about, err := resource.New(context.Background(),
		resource.WithAttributes(attribute.String("service.name", "notifier"), attribute.String("service.version", cfg.Version)),
		resource.WithFromEnv(), // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before
	)
	if err != nil {
		return nil, err
	}
	p := sdk.NewTracerProvider(
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(cfg.Ratio))),
		sdk.WithBatcher(out),
		sdk.WithResource(about),
	)
	return &Tracer{provider: p, tracer: p.Tracer("notifier"), status: cfg.Status}, nil
}

// lastSpans is how long Close may take to send what is left.
const lastSpans = 2 * time.Second

// Close sends what has not been sent.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastSpans)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// A Handler answers a request, or returns an error and has not answered.
type Handler = func(http.ResponseWriter, *http.Request) error

// Handler makes a span of each request of a route.
func (t *Tracer) Handler(method, route string, next Handler) Handler {
	if t == nil {
		return next
	}
	options := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route)),
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, method+" "+route, options...)
		defer span.End()
		err := next(w, r.WithContext(ctx))
		status := http.StatusOK
		if err != nil {
			status = t.status(err)
		}
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= 500 {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		return err
	}
}

// An Append takes publications into a journal.
type Append = func(ctx context.Context, pubs []notifier.Publication) ([]notifier.Ack, error)

// Append makes a span of each call whose context has one that is traced.
func (t *Tracer) Append(next Append) Append {
	if t == nil {
		return next
	}
	return func(ctx context.Context, pubs []notifier.Publication) ([]notifier.Ack, error) {
		if !trace.SpanContextFromContext(ctx).IsSampled() {
			return next(ctx, pubs)
		}
		ctx, span := t.tracer.Start(ctx, "append", trace.WithAttributes(attribute.Int("notifier.publications", len(pubs))))
		defer span.End()
		acks, err := next(ctx, pubs)
		if err != nil {
			span.SetStatus(codes.Error, "not taken")
			return acks, err
		}
		if id := firstNew(acks); !id.IsZero() {
			span.SetAttributes(attribute.String("notifier.event", id.String()))
			t.fanOut(ctx, id.Seq)
		}
		return acks, nil
	}
}

// firstNew is the first event of a call, zero if there is none.
func firstNew(acks []notifier.Ack) notifier.ID {
	for _, a := range acks {
		if a.Err == nil && !a.Duplicate {
			return a.ID
		}
	}
	return notifier.ID{}
}

// fanOut makes the span of a batch, which is over by now.
func (t *Tracer) fanOut(ctx context.Context, seq uint64) {
	b, ok := t.fanOuts.of(seq)
	if !ok {
		return
	}
	_, span := t.tracer.Start(ctx, "fan-out", trace.WithTimestamp(b.began), trace.WithAttributes(attribute.Int("notifier.batch", b.events)))
	span.End(trace.WithTimestamp(b.ended))
}

// Follow times a journal's follower.
func (t *Tracer) Follow(tell func([]notifier.Delivery)) func([]notifier.Delivery) {
	if t == nil {
		return tell
	}
	return func(batch []notifier.Delivery) {
		b := fanOut{last: batch[len(batch)-1].Event.ID.Seq, events: len(batch), began: time.Now()}
		tell(batch)
		b.ended = time.Now()
		t.fanOuts.add(b)
	}
}
