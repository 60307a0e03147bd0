package stream

import (
	"slices"
	"sync/atomic"
	"testing"

	"notifier"
)

// A credential's streams end, those of its token with another one do not. One that
// opens while its subscriber is denied ends too, whether it is taken in before or
// after the revocation.
func TestRevokeCredential(t *testing.T) {
	var denied atomic.Bool
	h := New(&teller{}, Config{Denied: func(who notifier.Identity) bool {
		return denied.Load() && who.Credential == "a" && slices.Equal(who.Keys, []string{"1", "2"})
	}})
	defer h.Stop()
	admit := func(credential string) (open func()) {
		st := &stream{sink: discardSink{}, credential: credential}
		if err := h.admit(st, []string{"1", "2"}); err != nil {
			t.Fatal(err)
		}
		s := st.topic.shard
		return func() { s.do(func() { s.opened(st, nil) }) }
	}
	count := func(want int) {
		t.Helper()
		settle(h)
		if n := h.Count("1"); n != want {
			t.Errorf("%d streams are open, want %d", n, want)
		}
	}
	admit("a")()
	admit("b")()
	admit("")()
	waiting := admit("a")
	if n := h.RevokeCredential("c"); n != 0 {
		t.Errorf("%d streams of nobody revoked", n)
	}
	count(4)
	denied.Store(true)
	if n := h.RevokeCredential("a"); n != 1 {
		t.Errorf("%d streams revoked, want the one that is open", n)
	}
	count(3)
	waiting()
	count(2)
}
