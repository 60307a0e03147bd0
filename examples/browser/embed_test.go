package browser

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFilesAreTheFolder fails for a file of the page that is not embedded, and
// for one that is empty.
func TestFilesAreTheFolder(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, e := range entries {
		if path.Ext(e.Name()) != ".go" {
			want = append(want, e.Name())
		}
	}
	if got := names(t); !slices.Equal(got, want) {
		t.Errorf("embedded %v, the folder has %v", got, want)
	}
	for _, name := range names(t) {
		if read(t, name) == "" {
			t.Errorf("%s is empty", name)
		}
	}
}

// refs finds what a file makes the browser load.
var refs = map[string]*regexp.Regexp{
	".html": regexp.MustCompile(`\b(?:src|href|action|poster|srcset)\s*=\s*["']?([^"'\s>]+)`),
	".css":  regexp.MustCompile(`(?:url\(|@import)\s*["']?([^"')\s]+)`),
	".js":   regexp.MustCompile(`\b(?:from|import)\s*\(?\s*['"]([^'"]+)`),
}

func TestPageLoadsOnlyEmbeddedFiles(t *testing.T) {
	loaded := map[string]bool{"index.html": true}
	for _, name := range names(t) {
		re := refs[path.Ext(name)]
		if re == nil {
			continue
		}
		for _, m := range re.FindAllStringSubmatch(read(t, name), -1) {
			target := strings.TrimPrefix(m[1], "./")
			if _, err := fs.Stat(Files, target); err != nil {
				t.Errorf("%s loads %q, which is not embedded", name, m[1])
			}
			loaded[target] = true
		}
	}
	for _, name := range names(t) {
		if !loaded[name] {
			t.Errorf("nothing loads %s", name)
		}
	}
}

// TestPageIsSafe holds the page to a strict Content-Security-Policy and to
// putting received data into the document as text only.
func TestPageIsSafe(t *testing.T) {
	rules := []struct {
		why string
		ext []string
		re  *regexp.Regexp
	}{
		{"an external address", []string{".html", ".css", ".js"}, regexp.MustCompile(`(?i)\b(?:https?|wss?):|["'(]//`)},
		{"an inline script or style", []string{".html"}, regexp.MustCompile(`(?i)<style|<script(?:\s+type="module")?>|\sstyle=|\son\w+=|=\s*["']?javascript:`)},
		{"markup or code made from text", []string{".js"}, regexp.MustCompile(`(?i)(?:inner|outer|adjacent)HTML|setHTML|document\.write|createContextualFragment|DOMParser|srcdoc|\beval\(|new Function`)},
	}
	for _, name := range names(t) {
		for _, rule := range rules {
			if !slices.Contains(rule.ext, path.Ext(name)) {
				continue
			}
			if found := rule.re.FindString(read(t, name)); found != "" {
				t.Errorf("%s has %s: %q", name, rule.why, found)
			}
		}
	}
}

func TestPageSendsNoReferrer(t *testing.T) {
	if !strings.Contains(read(t, "index.html"), `<meta name="referrer" content="no-referrer">`) {
		t.Error("index.html lacks the no-referrer policy")
	}
}

func names(t *testing.T) []string {
	t.Helper()
	found, err := fs.Glob(Files, "*")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
