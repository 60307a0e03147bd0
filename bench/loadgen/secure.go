//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// secure opens streams over TLS, each with a token of its own, and lets them be:
// over a connection each, or with -http2 over as few as the server allows. It is
// idle with Go's own client, since its TLS is the point.
func (b *bench) secure() error {
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // measured, not trusted
		ForceAttemptHTTP2: b.http2,
		DisableKeepAlives: !b.http2,
	}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	runtime.GC()
	before := rssOf(b.server)
	start := time.Now()
	var opening errgroup.Group
	opening.SetLimit(64)
	for _, token := range b.tokens {
		opening.Go(func() error { return openSecure(ctx, client, strings.ReplaceAll(b.subURL, "{token}", token), b.http2) })
	}
	if err := opening.Wait(); err != nil {
		return err
	}
	took := time.Since(start)
	time.Sleep(b.length)
	after := rssOf(b.server)
	b.res["connect_ms"], b.res["connects_per_s"] = ms(took.Nanoseconds()), round(float64(b.streams)/took.Seconds(), 0)
	b.res["rss_before"], b.res["rss_idle"] = before, after
	b.res["rss_per_stream"] = round(float64(after-before)/float64(b.streams), 1)
	return nil
}

// openSecure opens a stream, reads its first line, and leaves it open until ctx ends.
func openSecure(ctx context.Context, client *http.Client, url string, http2 bool) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || (resp.ProtoMajor == 2) != http2 {
		return fmt.Errorf("%s over %s", resp.Status, resp.Proto)
	}
	_, err = bufio.NewReaderSize(resp.Body, 64).ReadString('\n')
	return err
}
