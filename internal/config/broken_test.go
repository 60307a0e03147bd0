package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBroken reads files that are wrong. A comment "# want: …" says what is to be
// said of its line, "# want-file: …" of the file; there is nothing else to say.
func TestBroken(t *testing.T) {
	files, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			want := wanted(t, name)
			_, err := load(t, nil, "--config", name)
			mistakes, _ := errors.AsType[Mistakes](err)
			for i, m := range mistakes {
				if i >= len(want) || !strings.HasPrefix(m.Error(), want[i]) {
					t.Errorf("mistake %d: %v", i, m)
				}
			}
			if len(mistakes) != len(want) || len(want) == 0 {
				t.Errorf("%v\n%d mistakes, want %d:\n%s", err, len(mistakes), len(want), strings.Join(want, "\n"))
			}
		})
	}
}

// wanted is how the messages about a file begin.
func wanted(t *testing.T, name string) (want []string) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(string(content), "\n") {
		if _, message, ok := strings.Cut(line, "# want: "); ok {
			want = append(want, fmt.Sprintf("%s:%d: %s", name, i+1, message))
		}
		if _, message, ok := strings.Cut(line, "# want-file: "); ok {
			want = append(want, name+": "+message)
		}
	}
	return want
}
