package loadtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// openers is how many streams are opened at the same time.
const openers = 64

// A stream reads events over as many connections as it takes.
type stream struct {
	token int // index
	got   []int32
	done  chan struct{} // closed once got and foreign are complete

	foreign    int // events of other tokens, or of somebody else
	reconnects int
	last       string // event ID
	retry      time.Duration
}

// open opens all streams, or says why it cannot.
func (t *test) open(ctx context.Context) error {
	client := &http.Client{Transport: t.oneEach()}
	var group errgroup.Group
	group.SetLimit(openers)
	t.streams = make([]*stream, 0, t.Streams)
	failed, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	for i := range t.Streams {
		if failed.Err() != nil {
			break
		}
		s := &stream{token: i % t.Tokens, done: make(chan struct{}), retry: time.Second}
		t.streams = append(t.streams, s)
		group.Go(func() error {
			resp, err := t.connect(ctx, client, s)
			if err != nil {
				close(s.done)
				fail(err)
				return err
			}
			t.opened.Add(1)
			go t.follow(ctx, client, s, resp)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("stream %d of %d does not open: %w", t.opened.Load()+1, t.Streams, err)
	}
	return ctx.Err()
}

// oneEach is a transport on which every stream has a connection of its own, as
// with as many clients.
func (t *test) oneEach() *http.Transport {
	tr := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, DisableCompression: true,
		ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10, Protocols: new(http.Protocols)}
	tr.Protocols.SetHTTP1(true)
	return tr
}

func (t *test) connect(ctx context.Context, client *http.Client, s *stream) (*http.Response, error) {
	u := t.URL.JoinPath("events")
	u.RawQuery = "control=1" // the stream begins with an id: nothing is lost before the first event
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	credential := t.tokens[s.token]
	if t.Credential != nil {
		if credential, err = t.Credential(credential); err != nil {
			return nil, err
		}
	}
	req.Header.Set("Authorization", "Bearer "+credential)
	if s.last != "" {
		req.Header.Set("Last-Event-ID", s.last)
	}
	resp, err := client.Do(req)
	if errors.Is(err, syscall.EMFILE) {
		return nil, fmt.Errorf("%w: every stream is an open file here, too; see ulimit -n", err)
	}
	if err == nil && resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		err = refusal(resp)
	}
	return resp, err
}

// follow reads a stream until ctx ends, and comes back whenever it ends before.
func (t *test) follow(ctx context.Context, client *http.Client, s *stream, resp *http.Response) {
	defer close(s.done)
	for {
		t.read(s, resp)
		resp.Body.Close()
		for resp = nil; resp == nil; resp, _ = t.connect(ctx, client, s) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(s.retry):
			}
			s.reconnects++
		}
	}
}

// A payload is the data of an event. At is when it was due, after the start.
type payload struct {
	N  int32         `json:"n"`
	At time.Duration `json:"at"`
}

// read reads one connection. Its blocks have one line of data each.
func (t *test) read(s *stream, resp *http.Response) {
	in := bufio.NewReaderSize(resp.Body, 1<<10)
	var name, data string
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "event":
			name = value
		case "data":
			data = value
		case "id":
			s.last = value
		case "retry":
			if ms, err := strconv.Atoi(value); err == nil {
				s.retry = time.Duration(ms) * time.Millisecond
			}
		case "":
			if name == eventName {
				t.take(s, data)
			}
			name, data = "", ""
		}
	}
}

func (t *test) take(s *stream, data string) {
	var ev struct {
		Type string  `json:"entityType"`
		Data payload `json:"data"`
	}
	if json.Unmarshal([]byte(data), &ev) != nil || ev.Type != t.mark {
		s.foreign++
		return
	}
	s.got = append(s.got, ev.Data.N)
	t.meter.delivery(time.Since(t.started) - ev.Data.At)
}

// refusal is an answer that is not a success, as an error that says what to do.
func refusal(resp *http.Response) error {
	var p struct{ Detail string }
	json.NewDecoder(resp.Body).Decode(&p) // what is no problem has no detail
	err := fmt.Errorf("the server answered %s", resp.Status)
	if p.Detail != "" {
		err = fmt.Errorf("%w: %s", err, p.Detail)
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return fmt.Errorf("%w\nthe server limits that: see its --streams-per-token, --streams-per-ip, --connect-rate, --publish-rate, --token-rate", err)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%w\nsee --key and --jwt-key", err)
	}
	return err
}
