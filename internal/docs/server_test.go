package docs_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// bin is the folder that the program was built into.
var bin string

func TestMain(m *testing.M) {
	var err error
	if bin, err = os.MkdirTemp("", "notifier-docs"); err != nil {
		panic(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "notifier"), "./cmd/notifier")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(bin)
		os.Exit(code)
	}))
}

// serve runs the real program until the test ends, and returns its address.
func serve(t *testing.T, env ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(bin, "notifier"), "--listen=127.0.0.1:0", "--admin-listen=", "--data=memory", "--drain=0s")
	ours := func(v string) bool { return strings.HasPrefix(v, "NOTIFIER_") } // the server knows its own
	cmd.Env = append(slices.DeleteFunc(os.Environ(), ours), env...)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(log)
	drained := make(chan struct{})
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-drained
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server: %v", err)
		}
	})
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			close(drained)
			t.Fatalf("the server does not listen: %v %s", err, line)
		}
		if _, url, ok := strings.Cut(line, "url=http://"); ok {
			go func() {
				defer close(drained)
				io.Copy(io.Discard, lines)
			}()
			addr, _, _ := strings.Cut(url, " ")
			return addr
		}
	}
}

// need skips the test if the program is not there, except where all must be.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("TEST_EVERYTHING") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}
