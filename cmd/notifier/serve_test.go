package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// SIGHUP has the settings read again from where they were: all of them or none.
func TestReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notifier.yaml")
	settings := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings("log-level: info\n")
	cmd, errs, _ := serve(t, "--config="+file)

	settings("log-level: error\nheartbeet: 15s\n")
	sendSignal(t, cmd, syscall.SIGHUP)
	if line := waitFor(t, errs, "the settings stay as they were"); !strings.Contains(line, "notifier.yaml:2: heartbeet: unknown setting") {
		t.Errorf("says %s", line)
	}
	settings("log-level: error\nheartbeat: 20s\n")
	sendSignal(t, cmd, syscall.SIGHUP)
	if line := waitFor(t, errs, "the settings were read again"); !strings.Contains(line, "changed=[log-level]") {
		t.Errorf("says %s", line)
	}
	if line := waitFor(t, errs, "need a restart"); !strings.Contains(line, "settings=[heartbeat]") {
		t.Errorf("says %s", line)
	}
	settings("log-level: loud\n")
	sendSignal(t, cmd, syscall.SIGHUP)
	waitFor(t, errs, "the settings stay as they were")

	sendSignal(t, cmd, syscall.SIGTERM)
	rest, _ := io.ReadAll(errs)
	if strings.Contains(string(rest), "level=INFO") {
		t.Errorf("the level is another now: %s", rest)
	}
	if code := exitCode(t, cmd.Wait()); code != 0 {
		t.Errorf("code %d", code)
	}
}
