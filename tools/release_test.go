package tools_test

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRelease builds a release of the last commit twice, in two clones. Both must
// be the same to the last byte.
func TestRelease(t *testing.T) {
	need(t, "dpkg-deb")
	clone, another, first := t.TempDir(), t.TempDir(), t.TempDir()
	run(t, "..", "git", "clone", "--quiet", ".", clone)
	run(t, clone, "git", "clone", "--quiet", ".", another)
	run(t, clone, "scripts/release", first, "linux/amd64")
	run(t, another, "scripts/release", "dist", "linux/amd64")
	sums, again := readFile(t, filepath.Join(first, "SHA256SUMS")), readFile(t, filepath.Join(another, "dist", "SHA256SUMS"))
	if !bytes.Equal(sums, again) {
		t.Fatalf("not the same twice:\n%s\n%s", sums, again)
	}
	run(t, first, "sha256sum", "--check", "SHA256SUMS")

	file := only(t, first, "notifier-*-linux-amd64")
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	version := info.Main.Version
	if !strings.HasPrefix(version, "v") || strings.Contains(version, "dirty") {
		t.Errorf("version %q", version)
	}
	if out := run(t, "", file, "version"); !strings.HasPrefix(out, "notifier "+version+" ") {
		t.Errorf("it says %q", out)
	}
	program, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("it is not static: %v, %v", libraries, err)
	}
	t.Run("deb", func(t *testing.T) { testDeb(t, only(t, first, "notifier_*_amd64.deb"), file) })
}

// testDeb unpacks the package, and has its program look at its settings and its unit.
func testDeb(t *testing.T, deb, program string) {
	if conffiles := run(t, "", "dpkg-deb", "--info", deb, "conffiles"); conffiles != "/etc/notifier/notifier.yaml\n" {
		t.Errorf("an upgrade would overwrite settings: %q", conffiles)
	}
	dir := t.TempDir()
	run(t, "", "dpkg-deb", "--extract", deb, dir)
	for name, mode := range map[string]os.FileMode{
		"usr/bin/notifier": 0o755, "etc/notifier/notifier.yaml": 0o640, "usr/lib/systemd/system/notifier.service": 0o644,
		"usr/share/doc/notifier/copyright": 0o644, "usr/share/notifier/nginx.conf": 0o644,
		"usr/share/notifier/grafana.json": 0o644, "usr/share/notifier/alerts.yml": 0o644,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	copyright := string(readFile(t, filepath.Join(dir, "usr/share/doc/notifier/copyright")))
	for _, of := range []string{"MIT License", "\n== Go\n", "\n== github.com/cockroachdb/pebble/v2 ", "Apache License"} {
		if !strings.Contains(copyright, of) {
			t.Errorf("the licenses lack %q", of)
		}
	}
	installed := filepath.Join(dir, "usr/bin/notifier")
	if !bytes.Equal(readFile(t, installed), readFile(t, program)) {
		t.Error("the program in the package is another one")
	}
	run(t, "", installed, "check-config", filepath.Join(dir, "etc/notifier/notifier.yaml"))

	need(t, "systemd-analyze")
	unit := filepath.Join(dir, "usr/lib/systemd/system/notifier.service")
	text := strings.ReplaceAll(string(readFile(t, unit)), "/usr/bin/notifier", installed)
	if err := os.WriteFile(unit, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "usr/lib/systemd/system/notifier.socket")
	if out := run(t, "", "systemd-analyze", "verify", unit, socket); strings.Contains(out, "notifier.service:") {
		t.Errorf("the unit: %s", out)
	}
	run(t, "", "systemd-analyze", "security", "--offline=true", "--threshold=15", unit) // 1.5 of 10
}

// run runs a program, which must succeed, and returns all that it printed.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// only is the one file that matches.
func only(t *testing.T, dir, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	return found[0]
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
