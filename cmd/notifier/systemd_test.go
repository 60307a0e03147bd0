package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTellsSystemd stands in for systemd: it is told that the server is ready once
// it listens, that it reads its settings again and has done so, and that it stops
// when it begins to.
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
	sendSignal(t, cmd, syscall.SIGHUP)
	if told := hear(t, systemd); !strings.HasPrefix(told, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("told %q", told)
	}
	if told := hear(t, systemd); told != "READY=1" {
		t.Errorf("told %q", told)
	}
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

// TestSocketOfSystemd: who connects between two servers waits for the second one,
// since the socket that both take is systemd's.
func TestSocketOfSystemd(t *testing.T) {
	port, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	file, err := port.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	run := func(listen string) (*exec.Cmd, *bufio.Reader) {
		cmd := program(t, []string{"LISTEN_FDS=1"}, "sh", "-c", "LISTEN_PID=$$ exec notifier --admin-listen= --data=memory --drain=0s --listen="+listen)
		cmd.ExtraFiles = []*os.File{file}
		return cmd, startWithStderr(t, cmd)
	}
	stop := func(cmd *exec.Cmd, errs *bufio.Reader) {
		sendSignal(t, cmd, syscall.SIGTERM)
		waitFor(t, errs, "notifier has stopped")
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	addr := port.Addr().String()
	first, errs := run(addr)
	waitFor(t, errs, "url=http://"+addr)
	stop(first, errs)

	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	second, errs := run(addr)
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 OK\r\n") {
		t.Errorf("%q, %v", answer, err)
	}
	stop(second, errs)

	// A socket that is not where the settings say is refused: they decide who may
	// connect without a credential.
	third, errs := run("127.0.0.1:0")
	waitFor(t, errs, "systemd listens on "+addr+", which is neither listen nor admin-listen")
	if code := exitCode(t, third.Wait()); code != 1 {
		t.Errorf("code %d, want 1", code)
	}
}
