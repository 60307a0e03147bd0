package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// TestStuckReader has one client of a token that opens its stream and never reads
// a byte, while far more is published to the token than the journal keeps. The
// other clients of the token get everything, the publisher does not wait, memory
// stays what the journal may have, and the stuck stream is closed.
func TestStuckReader(t *testing.T) {
	const (
		events   = 1536
		size     = 16 << 10 // 24 MiB in all
		keep     = 8 << 20
		overhead = 5 << 20 // the hub's bounds, the clients of this test, garbage of the moment
		timeout  = 5 * time.Second
	)
	n := nodetest.Start(t, func(c *config.Config) {
		c.KeepEvents, c.KeepBytes, c.WriteTimeout = 2*events, keep, timeout
	})
	stuck := openStuck(t, n.Addr())

	group, ctx := errgroup.WithContext(t.Context())
	var readers []*pacer
	for range 3 {
		r := &pacer{ahead: make(chan struct{}, keep/size/4)}
		r.open(t, n.URL+"/events?token=t")
		group.Go(func() error { return r.read(events) })
		readers = append(readers, r)
	}
	eventually(t, "four streams are open", func() bool { return openStreams(t, n.URL, "t") == 4 })

	before := heap()
	var most uint64
	var slowest time.Duration
	group.Go(func() error {
		c := &http.Client{Transport: &http.Transport{}}
		defer c.CloseIdleConnections()
		for i := range events {
			began := time.Now()
			for _, r := range readers {
				if err := r.wait(ctx); err != nil {
					return err
				}
			}
			p := publication{Tokens: []string{"t"}, Type: fmt.Sprint(i), Data: strings.Repeat("x", size)}
			if _, err := post(c, n.URL, p); err != nil {
				return err
			}
			slowest = max(slowest, time.Since(began))
			if i%256 == 255 {
				most = max(most, heap())
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("slowest step %v, heap %d KiB before and at most %d KiB", slowest, before>>10, most>>10)
	if slowest >= timeout {
		t.Errorf("an event took %v: the publisher or a reader waited for the stuck stream", slowest)
	}
	if most > before+keep+overhead {
		t.Errorf("heap grew from %d to %d KiB, more than the journal's %d KiB explain", before>>10, most>>10, keep>>10)
	}

	eventually(t, "the stuck stream is closed", func() bool { return openStreams(t, n.URL, "t") == 3 })
	got, err := io.Copy(io.Discard, stuck)
	if got == 0 || got > events*size/2 {
		t.Errorf("the stuck stream carried %d bytes, then %v", got, err)
	}
}

// TestNewcomersBesideStuckReader has clients come and go while one of their token
// does not read. For its sake the hub holds events ready, and for a newcomer they
// may at once be more than its connection takes.
func TestNewcomersBesideStuckReader(t *testing.T) {
	n := nodetest.Start(t, func(c *config.Config) { c.StreamsPerToken = 0 })
	openStuck(t, n.Addr())
	over := make(chan struct{})
	var publishers, newcomers errgroup.Group
	for range 2 {
		big := publication{Tokens: []string{"t"}, Data: strings.Repeat("x", 200<<10)}
		publishers.Go(func() error {
			for {
				select {
				case <-over:
					return nil
				default:
				}
				if _, err := post(client, n.URL, big); err != nil {
					return err
				}
			}
		})
	}
	for range 4 {
		newcomers.Go(func() error {
			for range 50 {
				resp, err := client.Get(n.URL + "/events?token=t")
				if err != nil {
					return err
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					return errors.New(resp.Status)
				}
			}
			return nil
		})
	}
	err := newcomers.Wait()
	close(over)
	if err := errors.Join(err, publishers.Wait()); err != nil {
		t.Error(err)
	}
}

// openStuck sends a GET and leaves it at that.
func openStuck(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "GET /events?token=t HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn
}

// heap is how much is in use on the heap.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A pacer reads a stream at its own pace. The publisher waits for it rather than
// get so far ahead of it that it would, rightly, be told of a gap.
type pacer struct {
	in    *bufio.Reader
	ahead chan struct{}
}

func (p *pacer) open(t *testing.T, url string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	p.in = bufio.NewReaderSize(resp.Body, 64<<10)
}

// wait returns once the reader is near enough.
func (p *pacer) wait(ctx context.Context) error {
	select {
	case p.ahead <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// read reads so many events, which must be the next one each time.
func (p *pacer) read(events int) error {
	for i := 0; i < events; {
		line, err := p.in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("a healthy stream ended after %d events: %w", i, err)
		}
		switch want := fmt.Sprintf(`data: {"entityType":"%d",`, i); {
		case bytes.HasPrefix(line, []byte(want)):
			<-p.ahead
			i++
		case bytes.HasPrefix(line, []byte("data:")):
			return fmt.Errorf("a healthy stream got %.40q, want %s", line, want)
		}
	}
	return nil
}
