package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// publishers is how many requests may be under way. If the server is slower
	// than that allows, the rate is not reached, and latencies grow: they count from
	// when an event was due.
	publishers = 64
	eventName  = "bench"
	timeToLive = "60s" // more than a reconnecting stream needs
)

// publish publishes at the rate and returns how long it took.
func (t *test) publish(ctx context.Context) time.Duration {
	client := &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: publishers, ForceAttemptHTTP2: true},
		Timeout:   30 * time.Second,
	}
	defer client.CloseIdleConnections()
	total := int64(t.Duration.Seconds() * float64(t.Rate))
	t.ledger.publications = make([]publication, total)
	begun := time.Now()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(publishers, int(total)) {
		workers.Go(func() {
			for n := next.Add(1) - 1; n < total; n = next.Add(1) - 1 {
				due := begun.Add(time.Duration(float64(n) / float64(t.Rate) * float64(time.Second)))
				select {
				case <-time.After(time.Until(due)):
				case <-ctx.Done():
					return
				}
				err := t.post(ctx, client, int(n), due)
				t.ledger.record(int(n), t.receivers(int(n)), err)
				if err == nil {
					t.meter.publication(time.Since(due))
				}
			}
		})
	}
	workers.Wait()
	return time.Since(begun)
}

// receivers are the tokens of a publication: every token has its turn.
func (t *test) receivers(n int) []int {
	of := make([]int, t.Fanout)
	for i := range of {
		of[i] = (n*t.Fanout + i) % len(t.tokens)
	}
	return of
}

func (t *test) post(ctx context.Context, client *http.Client, n int, due time.Time) error {
	tokens := make([]string, 0, t.Fanout)
	for _, i := range t.receivers(n) {
		tokens = append(tokens, t.tokens[i])
	}
	body, err := json.Marshal(map[string]any{
		"tokens": tokens, "event": eventName, "entityType": t.mark, "ttl": timeToLive,
		"data": payload{N: int32(n), At: due.Sub(t.started)},
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL.JoinPath("api").String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if t.Key != "" {
		req.Header.Set("Authorization", "Bearer "+t.Key)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
