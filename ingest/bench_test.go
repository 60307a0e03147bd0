package ingest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"notifier"
)

// BenchmarkPublish is the whole handler, without a network and a journal.
func BenchmarkPublish(b *testing.B) {
	small := []byte(`{"tokens":["user-4711"],"entityType":"like","data":{"by":"arya","n":1.50}}`)
	b.Run("1-token", func(b *testing.B) { benchmarkPublish(b, typeJSON, small) })
	b.Run("1-token-spaced", func(b *testing.B) {
		benchmarkPublish(b, typeJSON, bytes.ReplaceAll(small, []byte(`":`), []byte(`": `)))
	})
	b.Run("1-token-form", func(b *testing.B) {
		benchmarkPublish(b, typeForm, []byte("tokens=user-4711&entityType=like&data=hello"))
	})
	b.Run("1-token-64KiB", func(b *testing.B) {
		big := append([]byte(`{"tokens":["user-4711"],"data":"`), bytes.Repeat([]byte("x"), 64<<10)...)
		benchmarkPublish(b, typeJSON, append(big, `"}`...))
	})
	many := []byte(`{"tokens":["user-0"`)
	for i := 1; i < 1000; i++ {
		many = append(strconv.AppendInt(append(many, `,"user-`...), int64(i), 10), '"')
	}
	b.Run("1000-tokens", func(b *testing.B) { benchmarkPublish(b, typeJSON, append(many, `]}`...)) })
}

func benchmarkPublish(b *testing.B, kind string, body []byte) {
	publish := publishing(b, kind, body)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		publish()
	}
}

// publishing is the whole handler with one body. It allocates for the handler only.
func publishing(t testing.TB, kind string, body []byte) (publish func()) {
	acks := []notifier.Ack{{ID: notifier.ID{Epoch: 1, Seq: 1}}}
	counts := make([]int, 1000)
	in := New(
		func(context.Context, []notifier.Publication) ([]notifier.Ack, error) { return acks, nil },
		func(tokens []string) []int { return counts[:len(tokens)] },
		func() int { return 0 },
		Config{DefaultTTL: time.Hour, MaxTTL: time.Hour},
	)
	r := httptest.NewRequest("POST", "/api", nil)
	r.Header.Set("Content-Type", kind)
	r.ContentLength = int64(len(body))
	src := bytes.NewReader(nil)
	r.Body = io.NopCloser(src)
	w := &discard{header: make(http.Header)}
	return func() {
		src.Reset(body)
		if _, err := in.Publish(w, r, anyone); err != nil {
			t.Fatal(err)
		}
	}
}

// What a publication costs is what the journal keeps of it, its list of tokens and
// that of one publication, and a field of the header.
func TestPublishAllocates(t *testing.T) {
	if racing {
		t.Skip("with the race detector pools forget")
	}
	publish := publishing(t, typeJSON, []byte(`{"tokens":["user-4711"],"data":{"n":1.50}}`))
	if n := testing.AllocsPerRun(1000, publish); n > 5 {
		t.Errorf("%v allocations", n)
	}
}

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header             { return d.header }
func (d *discard) Write(b []byte) (int, error)     { return len(b), nil }
func (d *discard) WriteHeader(int)                 {}
func (d *discard) SetReadDeadline(time.Time) error { return nil }
