package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"
)

// asProgram is set for a test binary that is to be the program itself.
const asProgram = "TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// program is the program as a process, or another one that finds it as
// "notifier". Nothing of ours is in its environment but env.
func program(t *testing.T, env []string, name string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "notifier")); err != nil {
		t.Fatal(err)
	}
	if name == "notifier" {
		name = filepath.Join(dir, name)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir // where a server keeps its events
	cmd.Env = append(env, asProgram+"=1", "GORACE=atexit_sleep_ms=0", "PATH="+dir+":"+os.Getenv("PATH"))
	return cmd
}

// run runs the program to its end.
func run(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := program(t, env, "notifier", args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	code = exitCode(t, cmd.Run())
	return out.String(), errs.String(), code
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return exit.ExitCode()
	}
	return 0
}

func TestHelpFitsAScreen(t *testing.T) {
	for _, command := range []string{"", "serve", "send", "listen", "token", "key", "key new", "journal", "journal stat", "journal verify", "journal export", "check-config", "config", "bench", "doctor", "ready", "version"} {
		out, _, code := run(t, nil, append(strings.Fields(command), "-h")...)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		screen := 40
		if command == "serve" {
			screen = 100 // every setting, one line each
		}
		if code != 0 || len(lines) > screen {
			t.Errorf("%q: code %d, %d lines", command, code, len(lines))
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > 80 {
				t.Errorf("%q: %d columns: %s", command, n, line)
			}
		}
	}
}

// TestHelpExamples runs what the help of each command shows.
func TestHelpExamples(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.WriteHeader(http.StatusNoContent) // so that listen ends
		}
	}))
	defer srv.Close()
	env := []string{"NOTIFIER_URL=" + srv.URL, "NOTIFIER_LISTEN=127.0.0.1:0", "NOTIFIER_ADMIN_LISTEN=", "NOTIFIER_DATA=" + stopped(t)}
	real, _, addr := serve(t, "--data=memory")
	defer func() {
		sendSignal(t, real, os.Interrupt)
		real.Wait()
	}()
	for _, command := range []string{"serve", "send", "listen", "token", "key", "key new", "journal", "journal stat", "journal verify", "journal export", "check-config", "config", "bench", "doctor", "ready", "version"} {
		t.Run(command, func(t *testing.T) {
			help, _, _ := run(t, nil, append(strings.Fields(command), "-h")...)
			_, example, _ := strings.Cut(help, "Example:\n\n")
			example, _, _ = strings.Cut(example, "\n\n")
			if !strings.Contains(example, "notifier "+command) {
				t.Fatalf("no example in\n%s", help)
			}
			if command == "doctor" || command == "bench" { // a server that answers nothing is ill
				env = append(env, "NOTIFIER_URL=http://"+addr)
			}
			cmd := program(t, env, "sh", "-c", "exec "+strings.TrimSpace(example))
			if err := os.WriteFile(filepath.Join(cmd.Dir, "notifier.yaml"), []byte("heartbeat: 30s\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			errs := startWithStderr(t, cmd)
			if command == "serve" {
				waitFor(t, errs, "notifier is listening")
				sendSignal(t, cmd, syscall.SIGTERM)
			}
			rest, _ := io.ReadAll(errs)
			if code := exitCode(t, cmd.Wait()); code != 0 {
				t.Errorf("%s: code %d: %s", example, code, rest)
			}
		})
	}
}

// startWithStderr starts the program and returns what it writes to stderr.
func startWithStderr(t *testing.T, cmd *exec.Cmd) *bufio.Reader {
	t.Helper()
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(errs)
}

// waitFor returns the first line with the text in it.
func waitFor(t *testing.T, r *bufio.Reader, text string) string {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if strings.Contains(line, text) {
			return line
		}
		if err != nil {
			t.Fatalf("%v before %q", err, text)
		}
	}
}

func sendSignal(t *testing.T, cmd *exec.Cmd, s os.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"--heartbeet 1s", 2, `notifier: unknown flag --heartbeet, did you mean "--heartbeat"?`},
		{"--heartbeat 1ms --keep-events 0", 2, "heartbeat: 1ms must be between 1s and 1h0m0s\n  keep-events: 0 must be"},
		{"--config testdata/missing.yaml", 2, "missing.yaml: no such file"},
		{"key new --name a=b", 2, "--name must be 1 to 64 letters, digits"},
		{"sing", 2, "unexpected argument sing"},
		{"send --data 1", 2, "say where to: --token, as often as needed, or --all"},
		{"send --token 1 --all", 2, "--token and --all can't be used together"},
		{"send --token 1 --data like", 2, "--data is not JSON: invalid character 'l'"},
		{"send --token 1 --url localhost:4001", 2, "--url must be like http://127.0.0.1:4001"},
		{"listen", 2, "missing flags: --token=TOKEN"},
		{"journal export", 2, "missing flags: --token=TOKEN"},
		{"listen --token 1 --url ftp://localhost", 2, "--url must be like"},
		{"--listen 192.0.2.1:1 --insecure-open", 1, "listen: "}, // an address of no machine
	} {
		out, errs, code := run(t, nil, strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(errs, tt.want) || out != "" {
			t.Errorf("notifier %s: code %d, stdout %q, stderr %q\nwant %d, %q", tt.args, code, out, errs, tt.code, tt.want)
		}
	}
}

func TestVersion(t *testing.T) {
	out, errs, code := run(t, nil, "version")
	if code != 0 || errs != "" || !strings.HasPrefix(out, "notifier ") || strings.Count(out, "\n") != 1 {
		t.Errorf("code %d, stdout %q, stderr %q", code, out, errs)
	}
}

// serve starts a server and returns its address.
func serve(t *testing.T, args ...string) (cmd *exec.Cmd, errs *bufio.Reader, addr string) {
	t.Helper()
	cmd = program(t, nil, "notifier", append([]string{"--listen=127.0.0.1:0", "--admin-listen="}, args...)...)
	errs = startWithStderr(t, cmd)
	line := waitFor(t, errs, "notifier is listening")
	_, addr, _ = strings.Cut(line, "url=http://")
	addr, _, _ = strings.Cut(addr, " ")
	return cmd, errs, addr
}

func TestServeStopsOnSignal(t *testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd, errs, _ := serve(t)
		sendSignal(t, cmd, s)
		waitFor(t, errs, "notifier has stopped")
		if code := exitCode(t, cmd.Wait()); code != 0 {
			t.Errorf("%v: code %d, want 0", s, code)
		}
	}
}

// TestSecondSignal has a request under way, so that the drain would last.
func TestSecondSignal(t *testing.T) {
	cmd, errs, addr := serve(t, "--drain=10m")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil { // 100 Continue: the body is waited for
		t.Fatal(err)
	}
	sendSignal(t, cmd, os.Interrupt)
	waitFor(t, errs, "notifier is draining")
	sendSignal(t, cmd, syscall.SIGTERM)
	if code := exitCode(t, cmd.Wait()); code != 130 {
		t.Errorf("code %d, want 130", code)
	}
}

func TestLogFormat(t *testing.T) {
	cmd := program(t, nil, "notifier", "--listen=127.0.0.1:0", "--admin-listen=", "--log-format=json")
	errs := startWithStderr(t, cmd)
	if line := waitFor(t, errs, "notifier is listening"); !strings.HasPrefix(line, `{"time":`) {
		t.Errorf("line %q", line)
	}
	sendSignal(t, cmd, os.Interrupt)
	waitFor(t, errs, "notifier has stopped")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
