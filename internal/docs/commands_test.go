package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCommands: both READMEs name every command that the program has.
func TestCommands(t *testing.T) {
	help, err := exec.CommandContext(t.Context(), filepath.Join(bin, "notifier"), "-h").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(help), "Commands:\n")
	commands := regexp.MustCompile(`(?m)^  (\S+(?: \S+)*)  `).FindAllStringSubmatch(list, -1)
	if len(commands) < 5 {
		t.Fatalf("the help has only %d commands:\n%s", len(commands), help)
	}
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range commands {
			if command := "`notifier " + c[1]; !strings.Contains(string(text), command) {
				t.Errorf("%s: there is no %s`", name, command)
			}
		}
	}
}
