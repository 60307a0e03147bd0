//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFewFiles has a server that may open very few files meet more clients than it
// has files for: streams beyond its number are told to come back, connections beyond
// it wait without costing anything, publishers are served, and afterwards all is as
// before.
func TestFewFiles(t *testing.T) {
	const files, streams = 64, 32
	cmd := program(t, nil, "sh", "-c", fmt.Sprintf("ulimit -n %d; exec notifier --listen=127.0.0.1:0 --admin-listen= --drain=0s --request-timeout=2s", files))
	log := startWithStderr(t, cmd)
	line := waitFor(t, log, "notifier is listening")
	if !strings.Contains(line, fmt.Sprintf("max-streams=%d open-files=%d", streams, files)) {
		t.Errorf("the log does not name the limit: %s", line)
	}
	_, addr, _ := strings.Cut(line, "url=http://")
	addr, _, _ = strings.Cut(addr, " ")

	var open []net.Conn
	for i := range streams {
		conn, answer := ask(t, addr, fmt.Sprintf("GET /events?token=%d", i), "retry: ")
		if !strings.Contains(answer, "200 OK") {
			t.Fatalf("stream %d: %s", i, answer)
		}
		open = append(open, conn)
	}
	for range 5 {
		if answer := askAll(t, addr, "GET /events?token=more"); !strings.Contains(answer, "200 OK") || !strings.Contains(answer, "retry: ") {
			t.Errorf("a stream too many: %s", answer)
		}
	}
	if answer := askAll(t, addr, "GET /readyz"); !strings.Contains(answer, "503 ") || !strings.Contains(answer, "full: ") {
		t.Errorf("readiness: %s", answer)
	}
	publishes(t, addr)

	spent := cpu(t, cmd.Process.Pid)
	for range 8 { // connections that ask for nothing
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	waitFor(t, log, "no more connections are taken")
	publishes(t, addr) // once those that ask for nothing are given up
	if spent = cpu(t, cmd.Process.Pid) - spent; spent > time.Second {
		t.Errorf("waiting for 2 s cost %v", spent)
	}

	for _, conn := range open {
		conn.Close()
	}
	for end := time.Now().Add(patience); !strings.Contains(askAll(t, addr, "GET /readyz"), "200 OK"); {
		if time.Now().After(end) {
			t.Fatalf("not ready again: %s", askAll(t, addr, "GET /readyz"))
		}
	}
	if conn, answer := ask(t, addr, "GET /events?token=1", "retry: "); !strings.Contains(answer, "200 OK") {
		t.Errorf("a stream afterwards: %s", answer)
	} else {
		conn.Close()
	}
	sendSignal(t, cmd, syscall.SIGTERM)
	waitFor(t, log, "notifier has stopped")
	if code := exitCode(t, cmd.Wait()); code != 0 {
		t.Errorf("code %d", code)
	}
}

// ask sends a request without a body on a connection of its own, and returns what
// comes back until a text is there, or to its end for "".
func ask(t *testing.T, addr, request, until string) (net.Conn, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", request)
	var answer strings.Builder
	for r := bufio.NewReader(conn); until == "" || !strings.Contains(answer.String(), until); {
		line, err := r.ReadString('\n')
		answer.WriteString(line)
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v after %q", err, answer.String())
		}
	}
	return conn, answer.String()
}

// askAll is ask for an answer that ends.
func askAll(t *testing.T, addr, request string) string {
	t.Helper()
	conn, answer := ask(t, addr, request, "")
	conn.Close()
	return answer
}

func publishes(t *testing.T, addr string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Post("http://"+addr+"/api", "application/json", strings.NewReader(`{"tokens":["1"]}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("publishing: %s", resp.Status)
	}
}

// cpu is the time that a process has worked.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may have spaces
	var ticks time.Duration
	for _, field := range strings.Fields(rest)[11:13] { // utime, stime
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * time.Second / 100
}
