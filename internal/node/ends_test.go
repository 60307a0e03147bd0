package node

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"notifier/stream"
)

// A stuck handler takes no line until it is opened.
type stuck struct {
	slog.Handler
	open  chan struct{}
	lines chan slog.Record
}

func (h stuck) Handle(_ context.Context, r slog.Record) error {
	<-h.open
	h.lines <- r
	return nil
}

// A log that nobody takes lines from delays no stream: what does not fit is left
// out, and said so.
func TestEndsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := stuck{slog.NewTextHandler(nil, nil), make(chan struct{}), make(chan slog.Record, 2*maxLines)}
		e := newEnds(newAccessLog("all", slog.New(h), func(*http.Request) netip.Addr { return netip.Addr{} }))
		for range 10 {
			for range maxLines { // as many as may be written in a second
				e.add(stream.End{Reason: stream.Gone})
			}
			time.Sleep(time.Second)
		}
		close(h.open)
		e.Close()
		time.Sleep(2 * time.Second)
		ended, told := 0, 0
		for range len(h.lines) {
			switch r := <-h.lines; r.Message {
			case "stream ended":
				ended++
			case "the access log left out lines":
				told++
			}
		}
		if ended < maxLines || ended > maxLines+1 || told == 0 {
			t.Errorf("%d lines, and %d of others", ended, told)
		}
	})
}

// A node that never runs has nobody write lines that there will not be: TestMain
// would find them.
func TestEndsOfNoNode(t *testing.T) {
	log := newAccessLog("all", slog.New(slog.DiscardHandler), func(*http.Request) netip.Addr { return netip.Addr{} })
	newEnds(log)
	if err := newEnds(log).Close(); err != nil {
		t.Error(err)
	}
}
