package notifier_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestLibraries holds that there is a reason for every library.
func TestLibraries(t *testing.T) {
	reasons, err := os.ReadFile("docs/decisions/2026-11-23-libraries.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	if len(mod.Require) == 0 {
		t.Fatal("go.mod requires nothing")
	}
	for _, r := range mod.Require {
		// Modules of OpenTelemetry are one library.
		if path, _, _ := strings.Cut(r.Path, "/otel/"); !r.Indirect && !strings.Contains(string(reasons), "`"+path) {
			t.Errorf("%s: docs/decisions does not say why", r.Path)
		}
	}
}
