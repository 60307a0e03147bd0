package stream

import (
	"testing"
	"time"

	"notifier"
)

// The earlier of lifetime and credential ends a stream, also if the credential ends
// later than a duration can say.
func TestSetEnd(t *testing.T) {
	const never = -1
	for _, tt := range []struct {
		lifetime, credential time.Duration
		why                  Reason
	}{
		{time.Hour, time.Minute, Expired},
		{time.Minute, time.Hour, Lifetime},
		{time.Hour, -time.Hour, Expired},
		{never, time.Minute, Expired},
		{time.Hour, 1<<63 - 1, Lifetime},
		{never, 1<<63 - 1, ""},
	} {
		h := &Hub{cfg: Config{Lifetime: tt.lifetime}, start: time.Now().Add(-time.Hour)}
		st := &stream{}
		expires := time.Now().Add(tt.credential)
		if tt.credential == 1<<63-1 {
			expires = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		h.setEnd(st, notifier.Identity{Expires: expires})
		if st.endsWhy != tt.why || (st.ends > 0) != (tt.why != "") || st.ends < 0 {
			t.Errorf("lifetime %v, credential %v: ends at %v because of %q, want %q", tt.lifetime, tt.credential, st.ends, st.endsWhy, tt.why)
		}
	}
}

// A halfSink takes half of what it is given and remembers how it was closed.
type halfSink struct {
	discardSink
	how *string
}

func (k halfSink) write(b []byte) (int, error) { return len(b) / 2, nil }
func (k halfSink) end()                        { *k.how = "ended" }
func (k halfSink) cut()                        { *k.how = "cut" }

// A stream that is closed inside a frame is cut off: an orderly end would look as if
// the frame were whole.
func TestClosedInsideAFrame(t *testing.T) {
	h := New(&teller{}, Config{})
	defer h.Stop()
	var how string
	st := &stream{sink: halfSink{how: &how}}
	if err := h.admit(st, []string{"1"}); err != nil {
		t.Fatal(err)
	}
	s := st.topic.shard
	s.do(func() { s.opened(st, []byte("first bytes")) })
	settle(h)
	h.Revoke("1")
	settle(h)
	if how != "cut" {
		t.Errorf("the stream was %q, want cut", how)
	}
}
