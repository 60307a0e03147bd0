//go:build linux && (amd64 || arm64)

package journal

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestAIO: each way to wait for the disk ends with the request, whatever came before; also
// if the disk takes longer than a moment.
func TestAIO(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	a, err := newAIO()
	if errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EPERM) {
		t.Skip("a kernel or container without asynchronous I/O: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	ways := map[string]func(fd uintptr) error{
		"park": a.park,
		"stay": func(fd uintptr) error { return a.stay(fd, time.Second) },
		"slow": func(fd uintptr) error { return a.stay(fd, 0) },
	}
	for range 20 {
		for first, one := range ways {
			for second, other := range ways {
				f.WriteString("x")
				a.result.result = 1 // the kernel says 0
				if err := one(f.Fd()); err != nil || !a.submitted || a.result.result != 0 {
					t.Fatalf("%s: %v, result %d", first, err, a.result.result)
				}
				if other(null.Fd()); a.submitted { // the kernel refuses it at once
					t.Fatalf("%s after %s: synced what cannot be", second, first)
				}
			}
		}
	}
}
