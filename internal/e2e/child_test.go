package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"notifier/internal/nodetest"
)

// A child is a program that a test started. It is ended with the test.
type child struct {
	cmd      *exec.Cmd
	out, log nodetest.Log  // what it has written so far
	exited   chan struct{} // closed once err is known
	err      error
}

func start(t *testing.T, path string, args ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(path, args...), exited: make(chan struct{})}
	c.cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // no setting of ours reaches it by accident
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.log
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.exited)
	}()
	t.Cleanup(func() {
		c.end()
		if t.Failed() && c.log.String() != "" {
			t.Logf("%s: %s", filepath.Base(path), c.log.String())
		}
	})
	return c
}

// end asks it to end, then makes it end, and returns how it did.
func (c *child) end() error {
	c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.exited:
	case <-time.After(patience):
		c.cmd.Process.Kill()
		<-c.exited
	}
	return c.err
}

// A server is the real program in a process of its own.
type server struct {
	*child
	url string
}

// serve starts a server, whose events are in the directory data or in memory, and
// waits until it is ready.
func serve(t *testing.T, addr, data string, flags ...string) *server {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	c := start(t, bin, append([]string{"serve", "--listen", addr, "--admin-listen", "", "--data", data, "--retry", "200ms", "--drain", "1s"}, flags...)...)
	s := &server{child: c, url: "http://" + addr}
	eventually(t, "the server is ready", func() bool {
		select {
		case <-s.exited:
			t.Fatalf("the server ended with: %v", s.err)
		default:
		}
		return isOK(s.url + "/readyz")
	})
	return s
}

// stop ends the server, which must be in order: a data race would not be.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.end(); err != nil {
		t.Errorf("the server ended with: %v", err)
	}
}

// kill ends the server as a crash does.
func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.exited
}

func isOK(url string) bool {
	resp, err := client.Get(url)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// built is where the program is, once it was needed.
var built struct {
	sync.Once
	dir string
	err error
}

// binary builds the program, with the race detector if this test has it.
func binary() (string, error) {
	const name = "notifier"
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "notifier-e2e-"); built.err != nil {
			return
		}
		args := []string{"build", "-o", filepath.Join(built.dir, name)}
		if racing() {
			args = append(args, "-race")
		}
		cmd := exec.Command("go", append(args, "notifier/cmd/notifier")...)
		cmd.Stderr = os.Stderr
		built.err = cmd.Run()
	})
	return filepath.Join(built.dir, name), built.err
}

func removeBinary() {
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
}

func racing() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
