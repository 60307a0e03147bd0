package journal

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestLayoutIsDrawnOnce: the design says what the code says.
func TestLayoutIsDrawnOnce(t *testing.T) {
	code, err := os.ReadFile("layout.go")
	if err != nil {
		t.Fatal(err)
	}
	design, err := os.ReadFile("../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	drawing := regexp.MustCompile(`(?s)//	key .*?token, key[^\n]*\n`).Find(code)
	text := regexp.MustCompile(`(?m)^//	?`).ReplaceAllString(string(drawing), "")
	if text == "" || !strings.Contains(string(design), text) {
		t.Errorf("docs/design.md does not draw the layout as layout.go does:\n%s", text)
	}
}
