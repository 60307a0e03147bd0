package doctor

import (
	"fmt"
	"io"
	"strings"
)

// WriteText writes a finding for people: a line, and the advice below it.
func WriteText(w io.Writer, f Finding) error {
	level := string(f.Level)
	if f.Level == Problem {
		level = strings.ToUpper(level)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s %-12s %s\n", level, f.Check, f.Text)
	for _, a := range f.Advice {
		fmt.Fprintf(&b, "%21s %-11s %s\n", "", a.Proxy+":", strings.ReplaceAll(a.Text, "\n", "\n"+strings.Repeat(" ", 34)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
