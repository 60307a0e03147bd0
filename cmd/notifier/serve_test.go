package main

import (
	"io"
	"net"
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

// TestReloadTellsSystemd stands in for systemd, which waits for the end of a reload.
func TestReloadTellsSystemd(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	cmd := program(t, []string{"NOTIFY_SOCKET=" + name}, "notifier", "--listen=127.0.0.1:0", "--admin-listen=")
	errs := startWithStderr(t, cmd)
	waitFor(t, errs, "notifier is listening")
	sendSignal(t, cmd, syscall.SIGHUP)
	for _, want := range []string{"READY=1", "RELOADING=1\nMONOTONIC_USEC=", "READY=1"} {
		if told := hear(t, systemd); !strings.HasPrefix(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	}
	sendSignal(t, cmd, syscall.SIGTERM)
	waitFor(t, errs, "notifier has stopped")
	if code := exitCode(t, cmd.Wait()); code != 0 {
		t.Errorf("code %d", code)
	}
}
