//go:build linux

package journal

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestDiskFull fills a real, small file system, and makes room again.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=80m"); err != nil {
		t.Skipf("cannot mount a small tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 40<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newTrialIn(t, vfs.Default, filepath.Join(dir, "journal"), unboundedOptions)
	full := false
	for range 1000 {
		if err := r.publish(100_000); err != nil {
			full = true
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("the disk is full, and Append says: %v", err)
			}
			break
		}
	}
	if !full {
		t.Fatal("the disk is never full")
	}
	if got := len(r.read()); got != len(r.acked) {
		t.Errorf("%d events can be read of %d acknowledged", got, len(r.acked))
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	r.publishAgain()
	r.check()
	r.close()
}
