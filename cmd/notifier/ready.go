package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// A readyCmd is a health check for where there is no shell and no curl: in a
// container that holds nothing but the program.
type readyCmd struct {
	URL server `env:"NOTIFIER_URL" default:"http://127.0.0.1:4001" placeholder:"URL" help:"Server (${default}), with its base path."`
}

// Help is shown by ready --help.
func (readyCmd) Help() string {
	return `Example:

    notifier ready

It ends with 0 if the server takes streams and publications, and with 1 if it does not, or does not answer within 5 s.`
}

const readyTimeout = 5 * time.Second

func (c *readyCmd) Run(ctx context.Context, out io.Writer) error {
	endpoint, err := c.URL.endpoint("readyz")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint.String(), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		_, err = io.WriteString(out, "ready\n")
		return err
	case http.StatusServiceUnavailable:
		why, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
		return fmt.Errorf("the server is not ready: %s", bytes.TrimSpace(why))
	default:
		return refusal(resp)
	}
}
