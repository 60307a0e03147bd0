package notifier_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/r3labs/sse/v2"

	"notifier"
	"notifier/internal/ssetest"
)

func TestFrame(t *testing.T) {
	ev := notifier.Event{ID: notifier.ID{Epoch: 0xab, Seq: 7}, Time: time.Now(), Name: "like", Data: []byte(`{"entityType":"like","data":{}}`)}
	want := "event: like\ndata: {\"entityType\":\"like\",\"data\":{}}\nid: 00000000ab-7\n\n"
	if got := string(ev.AppendFrame(nil)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	ev.Name = ""
	if got := string(ev.AppendFrame(nil)); strings.Contains(got, "event:") {
		t.Errorf("an event without a name must fire onmessage: %q", got)
	}
}

// FuzzFrame holds that whatever is encoded, a client after the standard sees one
// event with exactly that data, and an id only at its very end.
func FuzzFrame(f *testing.F) {
	f.Add("like", `{"a":1}`, "00000000ab-7")
	f.Add("", "", "")
	f.Add("a\nid: 9", "x\r\ndata: y\rz\n", "1\r\n\r\ndata: injected\n\n")
	f.Add(" lead", " lead\u2028\ufeff", "\x00")
	f.Add("\ufeff", "\x00", "a b")
	f.Fuzz(func(t *testing.T, name, data, id string) {
		frame := notifier.AppendFrame(nil, &sse.Event{Event: []byte(name), Data: []byte(data), ID: []byte(id)})

		strip := strings.NewReplacer("\r", "", "\n", "", "\x00", "")
		want := ssetest.Event{Type: strip.Replace(name), ID: strip.Replace(id)}
		want.Data = strings.ReplaceAll(strings.ReplaceAll(data, "\r\n", "\n"), "\r", "\n")
		if want.Type == "" {
			want.Type = "message"
		}

		r := ssetest.NewReader(bytes.NewReader(frame))
		got, err := r.Next()
		if err != nil || got != want {
			t.Fatalf("frame %q: got %+v, %v; want %+v", frame, got, err, want)
		}
		if _, err := r.Next(); err != io.EOF {
			t.Fatalf("frame %q: something follows the event", frame)
		}
		for cut := range frame[:min(len(frame), 200)] { // a client that loses the stream anywhere inside has no event
			if r := ssetest.NewReader(bytes.NewReader(frame[:cut])); cut < len(frame)-1 {
				if _, err := r.Next(); err != io.EOF {
					t.Fatalf("frame %q cut at %d is an event", frame, cut)
				}
			}
		}
		if i := bytes.Index(frame, []byte("\nid: ")); i >= 0 && want.ID != "" {
			if tail := frame[i+1:]; string(tail) != "id: "+want.ID+"\n\n" {
				t.Fatalf("frame %q: the id is not last", frame)
			}
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	ev := notifier.Event{ID: notifier.ID{Epoch: 1 << 39, Seq: 123456}, Name: "like", Data: bytes.Repeat([]byte("x"), 200)}
	b.ReportAllocs()
	for b.Loop() {
		ev.AppendFrame(nil)
	}
}
