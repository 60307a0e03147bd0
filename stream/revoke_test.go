package stream

import "testing"

// A stream that has been admitted, but not yet taken in by its worker, is revoked
// with the others; one that is admitted afterwards is not.
func TestRevokeWhileOpening(t *testing.T) {
	h := New(&teller{}, Config{})
	defer h.Stop()
	admit := func() (open func()) {
		st := &stream{sink: discardSink{}}
		if err := h.admit(st, []string{"1"}); err != nil {
			t.Fatal(err)
		}
		s := st.topic.shard
		return func() { s.do(func() { s.opened(st, nil) }) }
	}
	before := admit()
	if n := h.Revoke("1"); n != 1 {
		t.Errorf("revoked %d streams", n)
	}
	after := admit()
	before()
	after()
	settle(h)
	if n := h.Count("1"); n != 1 {
		t.Errorf("%d streams are open, want the later one", n)
	}
}
