package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestTickets has a page whose stream is opened with a ticket. It comes back with the
// same URL long after the ticket had to be used: when its stream is cut, when the
// server is restarted, and when that crashes.
func TestTickets(t *testing.T) {
	addr, dir := freeAddr(t), t.TempDir()
	s := serve(t, addr, dir)
	tb := startBrowser(t).open(s.url + "/livez")
	used := issueTicket(t, s.url, `{"token": "1", "ttl": "2s"}`)
	tb.hear("/events?ticket="+used, "{}")
	var want []heard
	hears := func(what string) {
		t.Helper()
		eventually(t, "the page is connected "+what, func() bool { return openStreams(t, s.url, "1") == 1 })
		h, _ := send(t, s.url, publication{Tokens: []string{"1"}, Data: what})
		want = append(want, h)
		tb.has(want)
	}
	hears("at first")

	unused := issueTicket(t, s.url, `{"token": "1", "ttl": "2s"}`)
	if status := head(t, s.url+"/events?ticket="+unused); status != http.StatusOK {
		t.Errorf("a new ticket: %d", status)
	}
	eventually(t, "the ticket's time is over", func() bool { return head(t, s.url+"/events?ticket="+unused) == http.StatusUnauthorized })
	if cut(t, s.url, "1") != 1 {
		t.Error("the page had no stream")
	}
	hears("after its stream was cut")
	s.stop(t)
	s = serve(t, addr, dir)
	hears("after a restart")
	s.kill()
	s = serve(t, addr, dir)
	hears("after a crash")

	// Where the key is lost with the server, the ticket is worth nothing any more.
	s.stop(t)
	s = serve(t, addr, "memory")
	defer s.stop(t)
	tb.until("source.readyState === EventSource.CLOSED")
}

// TestTicketSession holds that a ticket does not outlive the lifetime of streams.
func TestTicketSession(t *testing.T) {
	s := serve(t, freeAddr(t), "memory", "--lifetime", "3s")
	defer s.stop(t)
	tb := startBrowser(t).open(s.url + "/livez")
	tb.hear("/events?ticket="+issueTicket(t, s.url, `{"token": "1", "ttl": "1s"}`), "{}")
	h, _ := send(t, s.url, publication{Tokens: []string{"1"}})
	tb.has([]heard{h})
	tb.until("source.readyState === EventSource.CLOSED")
}

func issueTicket(t *testing.T, base, body string) string {
	t.Helper()
	return callWith[struct{ Ticket string }](t, http.MethodPost, base+"/api/tickets", body).Ticket
}

// head is the status that a request to read a URL would have.
func head(t *testing.T, url string) int {
	t.Helper()
	resp, err := client.Head(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestDeny denies the token of a page and of curl, which has a ticket, and kills the
// server once that is answered. Neither the page nor the ticket gets in again, until
// the denial is lifted.
func TestDeny(t *testing.T) {
	addr, dir := freeAddr(t), t.TempDir()
	s := serve(t, addr, dir)
	tb := startBrowser(t).open(s.url + "/livez")
	tb.hear("/events?token=1", "{}")
	h, _ := send(t, s.url, publication{Tokens: []string{"1"}})
	tb.has([]heard{h})
	ticket := issueTicket(t, s.url, `{"token": "1"}`)
	curl := start(t, program(t, "curl"), "-sSN", s.url+"/events?since=all&control=1&ticket="+ticket)
	eventually(t, "curl has a stream", func() bool { return openStreams(t, s.url, "1") == 2 })

	if closed := callWith[struct{ Closed int }](t, http.MethodPost, s.url+"/api/deny", `{"token": "1", "until": "1h"}`).Closed; closed != 2 {
		t.Errorf("closed %d streams, want 2", closed)
	}
	<-curl.exited
	if out := curl.out.String(); !strings.Contains(out, h.ID) || !strings.Contains(out, `{"reason":"revoked"}`) {
		t.Errorf("curl has received %q", out)
	}
	s.kill()
	s = serve(t, addr, dir)
	tb.until("source.readyState === EventSource.CLOSED")
	for _, query := range []string{"token=1", "ticket=" + ticket} {
		if status := head(t, s.url+"/events?"+query); status != http.StatusForbidden {
			t.Errorf("denied by token, it came with %.6s: %d", query, status)
		}
	}
	if status := head(t, s.url+"/events?token=2"); status != http.StatusOK {
		t.Errorf("somebody else: %d", status)
	}
	if !call[struct{ Lifted bool }](t, http.MethodDelete, s.url+"/api/deny?token=1").Lifted {
		t.Error("nothing was denied")
	}
	s.kill()
	s = serve(t, addr, dir)
	tb.hear(fmt.Sprintf("/events?token=1&lastEventId=%s", h.ID), "{}")
	h, _ = send(t, s.url, publication{Tokens: []string{"1"}, Data: "again"})
	tb.has([]heard{h})
	s.stop(t)

	// What is kept beside the events does not disturb those who look into them.
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	verify := start(t, bin, "journal", "verify", "--data", dir)
	<-verify.exited
	if verify.err != nil {
		t.Errorf("journal verify: %v: %s %s", verify.err, verify.out.String(), verify.log.String())
	}
}
