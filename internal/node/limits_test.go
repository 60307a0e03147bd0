package node_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// publishOn sends a publication and returns the status, and Retry-After as a number.
func publishOn(t *testing.T, n *nodetest.Node, path, body string) (status, after int) {
	t.Helper()
	resp, err := n.Client.Post(n.URL+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	after, _ = strconv.Atoi(resp.Header.Get("Retry-After"))
	return resp.StatusCode, after
}

// A publisher that goes too fast is told when to come back, and then it may.
func TestPublishRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t, func(c *config.Config) { c.PublishRate, c.TokenRate = 3, 1 })
		stream := n.Open(t, "token=b")
		for i, s := range []struct {
			tokens string
			status int
		}{{`"a"`, 200}, {`"a","b"`, 429}, {`"b"`, 200}, {`"c"`, 200}, {`"d"`, 429}} {
			status, after := publishOn(t, n, "/api", `{"tokens":[`+s.tokens+`],"data":`+fmt.Sprint(i)+`}`)
			if status != s.status || (status == 429) != (after > 0) {
				t.Errorf("%d: status %d, Retry-After %d", i, status, after)
			}
		}
		time.Sleep(time.Second)
		if status, _ := publishOn(t, n, "/api", `{"tokens":["a","b"],"data":5}`); status != 200 {
			t.Errorf("a second later: %d", status)
		}
		for _, want := range []string{"2", "5"} { // nothing of what was refused
			if ev, err := stream.Next(); err != nil || !strings.Contains(ev.Data, `"data":`+want) {
				t.Errorf("%+v, %v, want %s", ev, err, want)
			}
		}
		if got := n.Refusals(); got["token-rate"] != 1 || got["publish-rate"] != 1 || len(got) != 2 {
			t.Errorf("counted %v", got)
		}
	})
}

// A line of a batch that is too much fails alone, and is counted.
func TestBatchRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t, func(c *config.Config) { c.PublishRate = 2 })
		resp, err := n.Client.Post(n.URL+"/api/batch", "application/x-ndjson", strings.NewReader(strings.Repeat(`{"tokens":["a"]}`+"\n", 5)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		if ok, refused := strings.Count(string(b), `"responseCode":0`), strings.Count(string(b), `"status":429`); ok != 2 || refused != 3 {
			t.Errorf("%d taken, %d refused", ok, refused)
		}
		if got := n.Refusals()["publish-rate"]; got != 3 {
			t.Errorf("counted %d", got)
		}
	})
}

// A client that reconnects in a tight loop is stopped, while all tabs of another
// token come back after a restart, twice.
func TestConnectRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t)
		opened := 0
		for range 1000 { // in 10 s
			s := n.Open(t, "token=loop")
			if s.Body.Close(); s.Status == 200 {
				opened++
			} else if s.Status != 429 || s.Header.Get("Retry-After") == "" {
				t.Fatalf("%d %v", s.Status, s.Header)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if opened < 139 || opened > 140 {
			t.Errorf("%d streams were opened in 10 s", opened)
		}
		for range 2 {
			var tabs []*nodetest.Stream
			for i := range 20 {
				tab := n.Open(t, "token=tabs")
				if tab.Status != 200 {
					t.Fatalf("tab %d: %d", i, tab.Status)
				}
				tabs = append(tabs, tab)
			}
			for _, tab := range tabs {
				tab.Body.Close()
			}
			time.Sleep(100 * time.Millisecond)
		}
		if got := n.Refusals()["connect-rate"]; got != uint64(1000-opened) {
			t.Errorf("counted %d", got)
		}
	})
}

// What everybody shares has no limit, since there is none to its streams.
func TestSharedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t, func(c *config.Config) { c.StreamsPerToken = 0 })
		for i := range 300 {
			if s := n.Open(t, "token=news"); s.Status != 200 {
				t.Fatalf("stream %d: %d", i, s.Status)
			}
		}
	})
}

// A full server is counted, although its answer is 200.
func TestTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t, func(c *config.Config) { c.MaxStreams = 1 })
		n.Open(t, "token=1")
		if s := n.Open(t, "token=2"); s.Status != 200 {
			t.Errorf("status %d", s.Status)
		}
		if got := n.Refusals(); got["max-streams"] != 1 || len(got) != 1 {
			t.Errorf("counted %v", got)
		}
	})
}

// Streams of an address are counted exactly, whatever ends them; the address is the
// one that the proxy names last.
func TestStreamsPerIP(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) {
		c.StreamsPerIP, c.ConnectRate, c.TrustedProxy, c.InsecureOpen = 3, 0, []string{"127.0.0.0/8"}, true
	})
	open := func(token, forwarded string, want int) *nodetest.Stream {
		t.Helper()
		s := n.Open(t, "token="+token, "X-Forwarded-For", forwarded)
		if s.Status != want {
			t.Fatalf("token %s from %s: %d, want %d", token, forwarded, s.Status, want)
		}
		return s
	}
	for round := range 20 {
		var streams []*nodetest.Stream
		for i := range 3 {
			streams = append(streams, open(fmt.Sprint(i), fmt.Sprintf("203.0.113.%d, 192.0.2.1", i), 200))
		}
		open("4", "203.0.113.9, 192.0.2.1", 429)
		open("4", "192.0.2.1, 192.0.2.2", 200).Body.Close()
		if round%2 == 0 {
			n.Do(t, http.MethodDelete, "/api/streams?token=0&token=1&token=2", "")
		} else {
			for _, s := range streams {
				s.Body.Close()
			}
		}
		empty(t, n)
	}
	if got := n.Refusals()["streams-per-ip"]; got != 20 {
		t.Errorf("counted %d", got)
	}
}

// empty waits until no stream is open.
func empty(t *testing.T, n *nodetest.Node) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		if _, answer := n.Do(t, http.MethodGet, "/api/streams", ""); answer["streams"] == 0.0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("streams are open")
		}
	}
}

// Nobody holds the server up by sending slowly: a head has ten seconds, a body the
// request timeout, and everybody else goes on meanwhile.
func TestSlowloris(t *testing.T) {
	for _, s := range []struct {
		name, atOnce string
		after        time.Duration
		answer       string
	}{
		{"head", "GET /events?token=1 HTTP/1.1\r\nHost: localhost\r\nX: ", 10 * time.Second, ""},
		{"body", "POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n", 30 * time.Second, "HTTP/1.1 408"},
		{"body to nobody", "POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", 30 * time.Second, "HTTP/1.1 404"},
		{"body to the wrong method", "PUT /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", 30 * time.Second, "HTTP/1.1 405"},
		{"body of a GET", "GET /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n", 30 * time.Second, "HTTP/1.1 200"},
		{"body of no subscriber", "GET /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", 30 * time.Second, "HTTP/1.1 401"},
	} {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := nodetest.NewPipe()
				n := nodetest.StartOn(t, p, p.Client())
				stream := n.Open(t, "token=1")
				conn, err := p.Dial()
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				ended := make(chan time.Duration)
				go drip(conn, s.atOnce)
				start := time.Now()
				go func() {
					answer, _ := bufio.NewReader(conn).ReadString('\n')
					io.Copy(io.Discard, conn)
					if !strings.HasPrefix(answer, s.answer) {
						t.Errorf("answer %q", answer)
					}
					ended <- time.Since(start)
				}()
				for i := range 5 {
					time.Sleep(time.Second)
					if status, _ := publishOn(t, n, "/api", fmt.Sprintf(`{"tokens":["1"],"data":%d}`, i)); status != 200 {
						t.Errorf("another publisher gets %d", status)
					}
					if ev, err := stream.Next(); err != nil || !strings.Contains(ev.Data, fmt.Sprint(i)) {
						t.Errorf("another stream gets %+v, %v", ev, err)
					}
				}
				if took := <-ended; took < s.after || took > s.after+2*time.Second {
					t.Errorf("ended after %v, want %v", took, s.after)
				}
				time.Sleep(time.Second) // for drip to notice
			})
		})
	}
}

// drip sends a byte a second after what comes at once, until nobody listens.
func drip(conn net.Conn, atOnce string) {
	_, err := io.WriteString(conn, atOnce)
	for err == nil {
		time.Sleep(time.Second)
		_, err = io.WriteString(conn, "x")
	}
}
