package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/letsencrypt/pebble/v2/va.VAImpl.processTasks"), // it has no end
		goleak.Cleanup(func(code int) {
			removeBinary()
			os.Exit(code)
		}))
}

// patience is after how long a test gives up on something: far more than it takes
// on a busy machine.
const patience = 20 * time.Second

// program finds a program by one of its names.
func program(t *testing.T, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing := names[0] + " is not installed; scripts/test installs what the tests need"
	if os.Getenv("TEST_EVERYTHING") == "1" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// eventually waits until something is true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	over := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// port is the last one that freeAddr has tried.
var port atomic.Uint32

func init() { port.Store(rand.Uint32N(1 << 16)) }

// freeAddr is a loopback address that a server can be started on again and again:
// its port is below those that the system gives to connections in between.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20_000+port.Add(1)%10_000)
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no free port")
	return ""
}
