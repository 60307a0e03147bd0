package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func readBlocks(body io.Reader) (text string, retries []time.Duration, err error) {
	b := newBlocks(io.NopCloser(body), func(d time.Duration) { retries = append(retries, d) })
	all, err := io.ReadAll(b)
	return string(all), retries, err
}

func TestBlocks(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"whole events":      {"data: 1\n\nevent: x\ndata: 2\nid: 2\n\n", "data: 1\n\nevent: x\ndata: 2\nid: 2\n\n"},
		"CRLF":              {"data: 1\r\nid: 1\r\n\r\n", "data: 1\r\nid: 1\r\n\r\n"},
		"comments":          {":\n: hello\ndata: 1\n:\nid: 1\n\n:\n\n", "data: 1\nid: 1\n\n"},
		"retry":             {"retry: 5\ndata: 1\nretry: 6\n\nretry: 7\n\n", "data: 1\n\n"},
		"blank lines":       {"\n\r\n\ndata: 1\n\n\n\n", "data: 1\n\n"},
		"the end is cut":    {"data: 1\n\ndata: 2", "data: 1\n\n"},
		"the end is a line": {"data: 1\n\ndata: 2\n", "data: 1\n\n"},
		"nothing":           {"", ""},
	} {
		if got, _, err := readBlocks(strings.NewReader(tt.in)); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, tt.want)
		}
	}
}

func TestBlocksAreBounded(t *testing.T) {
	_, _, err := readBlocks(io.MultiReader(strings.NewReader("data: 1\n\ndata: "), zeros{}))
	if err != errTooBig {
		t.Errorf("error %v, want %v", err, errTooBig)
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// FuzzBlocks holds that only whole events come out, none of them a comment or a
// retry, that nothing else is left out, and that it does not matter how the bytes
// arrive.
func FuzzBlocks(f *testing.F) {
	f.Add("retry: 3000\n:\nevent: x\ndata: 1\nid: 1\n\n:\ndata: 2\nid: 2\n\ndata: 3")
	f.Add("data: 1\r\n\r\nretry:1\r\n\r\n\n")
	f.Add("\r\r\n\n:\n\ndata\n\n")
	f.Fuzz(func(t *testing.T, in string) {
		got, retries, err := readBlocks(strings.NewReader(in))
		slow, slowRetries, slowErr := readBlocks(iotest.OneByteReader(strings.NewReader(in)))
		if err != nil || slowErr != nil || got != slow || len(retries) != len(slowRetries) {
			t.Fatalf("at once %q, %v; by the byte %q, %v", got, err, slow, slowErr)
		}
		if want := reference(in); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// reference says the same as blocks, on a text as a whole.
func reference(in string) string {
	var out, block bytes.Buffer
	for line := range strings.Lines(in) {
		text := strings.TrimRight(line, "\r\n")
		switch {
		case !strings.HasSuffix(line, "\n"):
		case text == "" && block.Len() > 0:
			out.WriteString(block.String() + line)
			block.Reset()
		case text == "" || text[0] == ':' || strings.HasPrefix(text, "retry:"):
		default:
			block.WriteString(line)
		}
	}
	return out.String()
}
