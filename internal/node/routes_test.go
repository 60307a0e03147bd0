package node

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPanic holds that a panic is told with its place, and without what a client has
// sent.
func TestPanic(t *testing.T) {
	for want, f := range map[string]func(secret string){
		"errors.errorString":      func(secret string) { panic(errors.New(secret)) },
		"panic=string":            func(secret string) { panic(secret) },
		"index out of range [99]": func(secret string) { _ = secret[len(secret)+93] },
	} {
		var log strings.Builder
		n := &Node{log: slog.New(slog.NewTextHandler(&log, nil))}
		h := n.answer(func(_ http.ResponseWriter, r *http.Request) error {
			f(r.URL.Query().Get("token"))
			return nil
		})
		func() {
			defer func() {
				if p := recover(); p != http.ErrAbortHandler {
					t.Errorf("%s: net/http is told %v", want, p)
				}
			}()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/events?token=s3cret", nil))
		}()
		if !strings.Contains(log.String(), want) || !strings.Contains(log.String(), "TestPanic") || strings.Contains(log.String(), "s3cret") {
			t.Errorf("%s: log: %s", want, &log)
		}
	}
}
