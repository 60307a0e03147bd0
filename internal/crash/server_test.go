package crash

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A server is the real program on one address and one directory.
type server struct {
	*testing.T
	bin, addr, data string
	url             string
	cmd             *exec.Cmd
	log             *bytes.Buffer
	slowest         time.Duration // from start to ready
}

func newServer(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{T: t, bin: filepath.Join(dir, "notifier"), data: filepath.Join(dir, "data"), addr: freeAddr(t)}
	s.url = "http://" + s.addr
	build := exec.Command("go", "build", "-o", s.bin, "notifier/cmd/notifier")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Cleanup(s.kill)
	return s
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start starts the program and returns when it is ready.
func (s *server) start() {
	s.Helper()
	s.log = &bytes.Buffer{}
	s.cmd = exec.Command(s.bin, "serve", "--listen="+s.addr, "--admin-listen=", "--data="+s.data,
		"--keep-events=1000000", "--log-level=warn")
	s.cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	begun := time.Now()
	if err := s.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	for !ready(s.url) {
		if time.Since(begun) > 30*time.Second {
			s.Fatalf("the server is not ready:\n%s", s.end())
		}
		time.Sleep(2 * time.Millisecond)
	}
	s.slowest = max(s.slowest, time.Since(begun))
}

func ready(url string) bool {
	resp, err := http.Get(url + "/readyz")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// kill ends the program as a power switch does.
func (s *server) kill() {
	if s.cmd != nil {
		s.end()
	}
}

// end kills the program and returns what it has written.
func (s *server) end() string {
	s.cmd.Process.Kill()
	s.cmd.Wait()
	s.cmd = nil
	return s.log.String()
}
