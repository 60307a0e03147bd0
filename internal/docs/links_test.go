package docs_test

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestLinks follows every link that stays in the project. What lies elsewhere is
// only read: it must be a whole https URL.
func TestLinks(t *testing.T) {
	all := map[string]page{}
	for _, p := range pages(t) {
		all[p.path] = p
	}
	if len(all) < 10 {
		t.Fatalf("saw only %d pages", len(all))
	}
	followed := 0
	for _, p := range all {
		for _, link := range p.links {
			followed++
			u, err := url.Parse(link)
			switch {
			case err != nil:
				t.Errorf("%s: %v", p.path, err)
			case u.Scheme == "http" && strings.HasPrefix(u.Host, "127.0.0.1"): // the reader's own server
			case u.Scheme != "" || u.Host != "":
				if u.Scheme != "https" || u.Host == "" {
					t.Errorf("%s: %s is no https URL", p.path, link)
				}
			default:
				follow(t, all, p, u)
			}
		}
	}
	if followed < 30 {
		t.Errorf("saw only %d links", followed)
	}
}

func follow(t *testing.T, all map[string]page, from page, u *url.URL) {
	t.Helper()
	target := from.path
	if u.Path != "" {
		target = path.Join(path.Dir(from.path), u.Path)
	}
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(target))); err != nil {
		t.Errorf("%s: %s leads nowhere", from.path, u)
		return
	}
	if u.Fragment != "" && !all[target].anchors[u.Fragment] {
		t.Errorf("%s: there is no heading %s", from.path, u)
	}
}

// TestAnchor: the rule by GitHub's examples.
func TestAnchor(t *testing.T) {
	for heading, want := range map[string]string{
		"Subscribe: GET /events":  "subscribe-get-events",
		"When something happens":  "when-something-happens",
		"2000 events a second, 8": "2000-events-a-second-8",
		"发布":                      "发布",
	} {
		if got := anchor(heading); got != want {
			t.Errorf("%q: %q, want %q", heading, got, want)
		}
	}
}

// TestEveryPageIsLinked: a page that nothing links to is not found by anyone.
func TestEveryPageIsLinked(t *testing.T) {
	linked := map[string]bool{}
	all := pages(t)
	for _, p := range all {
		for _, link := range p.links {
			u, err := url.Parse(link)
			if err == nil && u.Scheme == "" && u.Host == "" && u.Path != "" {
				linked[path.Join(path.Dir(p.path), u.Path)] = true
			}
		}
	}
	for _, p := range all {
		inFolder := linked[path.Dir(p.path)] // folders stand for what is in them
		if strings.HasPrefix(p.path, "docs/") && !linked[p.path] && !inFolder {
			t.Errorf("%s: no page links to it", p.path)
		}
	}
}
