package docs_test

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// address is where a server listens that was told nothing else, as the pages have
// it.
const address = "127.0.0.1:4001"

// TestShellBlocks runs the blocks of each page one after the other, in one folder
// and against one server. A command that fails ends its block.
func TestShellBlocks(t *testing.T) {
	need(t, "bash")
	need(t, "curl")
	ran := map[string]int{}
	for _, p := range pages(t) {
		if strings.HasPrefix(p.path, "docs/recipes/") {
			continue // see TestRecipes
		}
		var blocks []int
		for i, b := range p.blocks {
			if b.info == "sh run" {
				blocks = append(blocks, i)
			}
		}
		if len(blocks) == 0 {
			continue
		}
		t.Run(p.path, func(t *testing.T) {
			addr, dir := serve(t), t.TempDir()
			for _, i := range blocks {
				out := shell(t, dir, addr, p.blocks[i].text)
				if i+1 < len(p.blocks) && p.blocks[i+1].info == "text output" {
					same(t, out, p.blocks[i+1].text)
				}
			}
			ran[p.path] = len(blocks)
		})
	}
	for _, path := range []string{"README.md", "README.zh-CN.md", "docs/quickstart.md"} {
		if ran[path] == 0 {
			t.Errorf("%s: nothing was run", path)
		}
	}
}

// shell runs a script and returns what it printed.
func shell(t *testing.T, dir, addr, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-o", "pipefail", "-c", strings.ReplaceAll(script, address, addr))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "NOTIFIER_URL=http://"+addr)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s%s", err, script, out.String(), errs.String())
	}
	return out.String()
}

// vary are the parts of an output that are never the same twice.
var vary = []struct {
	*regexp.Regexp
	name string
}{
	{regexp.MustCompile(`\b[0-9a-z]{10}-[0-9]+\b`), "ID"},
	{regexp.MustCompile(`retry: [0-9]+`), "retry: N"},
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\dT[0-9:.]+Z`), "TIME"},
}

// same compares what was printed with what the page shows, but for ids and times,
// and for the order: a stream in the background prints when it likes.
func same(t *testing.T, got, want string) {
	t.Helper()
	for _, v := range vary {
		got, want = v.ReplaceAllString(got, v.name), v.ReplaceAllString(want, v.name)
	}
	if !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("printed\n%s\nthe page shows\n%s", got, want)
	}
}

// sorted are the lines of a text, but for empty ones.
func sorted(text string) []string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
	slices.Sort(lines)
	return lines
}
