package node_test

import (
	"bytes"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"notifier/internal/config"
	"notifier/internal/node"
	"notifier/internal/nodetest"
	"notifier/journal"
)

// The level of the log is that of the configuration until somebody sets another one,
// which a reload takes back.
func TestLogLevel(t *testing.T) {
	n := nodetest.Start(t)
	level := func(want string) {
		t.Helper()
		if status, got := n.Ask(t, "GET", "/log-level", ""); status != 200 || got != want+"\n" {
			t.Errorf("%d %q, want %s", status, got, want)
		}
	}
	level("info")
	for _, bad := range []string{"", "loud", strings.Repeat("debug", 20)} {
		if status, _ := n.Ask(t, "PUT", "/log-level", bad); status != 400 {
			t.Errorf("%q: %d", bad, status)
		}
	}
	level("info")
	if status, got := n.Ask(t, "PUT", "/log-level", "DEBUG\n"); status != 200 || got != "debug\n" {
		t.Errorf("%d %q", status, got)
	}
	level("debug")
	cfg := config.Default()
	cfg.LogLevel = slog.LevelWarn
	if err := n.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	level("warn")
}

// What is said below the level is not written, whoever says it.
func TestLogLevelHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		cfg := config.Default()
		cfg.LogLevel, cfg.Data = slog.LevelError, config.Memory
		log := slog.New(slog.NewTextHandler(&out, nil)).With("a", 1).WithGroup("g")
		n, err := node.NewOn(nodetest.NewPipe(), nil, journal.Memory(journal.Options{}), cfg, log)
		if err != nil {
			t.Fatal(err)
		}
		done, stop := running(t, n)
		stop()
		if err := <-done; err != nil || out.Len() > 0 {
			t.Errorf("%v, %s", err, &out)
		}
	})
}

// The end of a stream is in the access log if that has all, and else for those who
// debug; without a token in any case.
func TestStreamEnds(t *testing.T) {
	line := regexp.MustCompile(`level=(\w+) msg="stream ended" reason=revoked duration=\S+ events=1 bytes=\d\d+\n`)
	for _, c := range []struct {
		access string
		level  slog.Level
		want   string
	}{{"publishes", slog.LevelInfo, ""}, {"publishes", slog.LevelDebug, "DEBUG"}, {"all", slog.LevelInfo, "INFO"}, {"all", slog.LevelWarn, ""}} {
		n := nodetest.Start(t, func(cfg *config.Config) { cfg.AccessLog, cfg.LogLevel = c.access, c.level })
		s := n.Open(t, "token=s3cret-token")
		n.Post(t, "/api", `{"tokens":["s3cret-token"]}`)
		s.Next()
		n.Do(t, "DELETE", "/api/streams?token=s3cret-token", "")
		n.Stop(t)
		got := ""
		if m := line.FindStringSubmatch(n.Log.String()); m != nil {
			got = m[1]
		}
		if got != c.want || strings.Contains(n.Log.String(), "s3cret") {
			t.Errorf("%+v: %s", c, n.Log)
		}
	}
}
