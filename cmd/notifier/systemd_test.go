package main

import (
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestTellsSystemd stands in for systemd: it is told that the server is ready once
// it listens, and that it stops when it begins to.
func TestTellsSystemd(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()

	cmd := program(t, []string{"NOTIFY_SOCKET=" + name}, "notifier", "--listen=127.0.0.1:0", "--admin-listen=", "--drain=0s")
	errs := startWithStderr(t, cmd)
	if told := hear(t, systemd); told != "READY=1" {
		t.Errorf("told %q", told)
	}
	waitFor(t, errs, "notifier is listening")
	sendSignal(t, cmd, syscall.SIGTERM)
	if told := hear(t, systemd); told != "STOPPING=1" {
		t.Errorf("told %q", told)
	}
	rest, _ := io.ReadAll(errs)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, rest)
	}
}

// TestSystemdIsGone: whom it cannot tell does not stop it.
func TestSystemdIsGone(t *testing.T) {
	cmd := program(t, []string{"NOTIFY_SOCKET=" + filepath.Join(t.TempDir(), "gone")}, "notifier", "--listen=127.0.0.1:0", "--admin-listen=")
	errs := startWithStderr(t, cmd)
	waitFor(t, errs, "systemd cannot be told")
	waitFor(t, errs, "notifier is listening")
	sendSignal(t, cmd, syscall.SIGTERM)
	rest, _ := io.ReadAll(errs)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, rest)
	}
}

// hear returns the next thing that systemd is told.
func hear(t *testing.T, systemd *net.UnixConn) string {
	t.Helper()
	if err := systemd.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1024)
	n, err := systemd.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}
