package main

import (
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// The commands of scripts that look at what a stream or a program says.

// A source is a stream or a process, and what it has said.
type source struct {
	*text
	expected int          // bytes of it
	ended    chan error   // tells how it ended
	close    func() error // ends it from our side
}

// open NAME TARGET [-H HEADER]...
func (s *script) open(args []string) {
	conn, resp := s.send(append([]string{"GET"}, args[1:]...))
	if resp.StatusCode != http.StatusOK {
		s.Fatalf("the status is %s", resp.Status)
	}
	s.Check(conn.SetDeadline(time.Time{}))
	src := &source{text: newText(), ended: make(chan error, 1), close: conn.Close}
	go func() {
		_, err := io.Copy(src, resp.Body)
		src.ended <- err
	}()
	s.running[args[0]] = src
	const comment = "\n:\n"
	start, ok := src.await(func(text string) bool { return strings.Contains(text, comment) })
	if !ok {
		s.Fatalf("the stream begins with %q", start)
	}
	src.expected = strings.Index(start, comment) + len(comment)
	io.WriteString(s.Stdout(), start[:src.expected])
}

// start NAME PROGRAM [ARG...]
func (s *script) start(args []string) {
	p := s.run(args[1:])
	s.running[args[0]] = &source{text: p.stdout, ended: p.ended, close: func() error { return p.stop(os.Interrupt) }}
}

// expect NAME FILE
func (s *script) expect(args []string) {
	src, want := s.running[args[0]], os.Expand(s.ReadFile(args[1]), s.Getenv)
	var got string
	var end int
	src.await(func(text string) bool {
		got, end = firstLines(text[src.expected:], strings.Count(want, "\n"))
		return end > 0
	})
	if !matches(got, want) {
		s.Fatalf("%s has sent\n%s\nwant\n%s", args[0], got, want)
	}
	src.expected += end
}

// matches reports whether a text is the one wanted, where "id: *" is for any id.
func matches(got, want string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), `id: \*`, `id: [0-9A-Za-z._-]{1,64}`)
	return regexp.MustCompile("^" + pattern + "$").MatchString(got)
}

// firstLines are the first n lines of a text, but for comments, and where they
// end; 0 if there are fewer.
func firstLines(text string, n int) (lines string, end int) {
	at := 0
	for line := range strings.Lines(text) {
		at += len(line)
		if strings.HasPrefix(line, ":") || !strings.HasSuffix(line, "\n") {
			continue
		}
		lines += line
		if n--; n == 0 {
			return lines, at
		}
	}
	return lines, 0
}

// ended NAME
func (s *script) ended(args []string) {
	src := s.running[args[0]]
	s.Check(within(src.ended))
	if rest, _ := firstLines(src.String()[src.expected:], math.MaxInt); rest != "" {
		s.Fatalf("%s has also sent\n%s", args[0], rest)
	}
	delete(s.running, args[0])
}

// close NAME
func (s *script) close(args []string) {
	s.Check(s.running[args[0]].close())
	delete(s.running, args[0])
}

// within is what a channel tells in time.
func within(told <-chan error) error {
	select {
	case err := <-told:
		return err
	case <-time.After(patience):
		return errors.New("it has not ended")
	}
}

// A text grows while it is read.
type text struct {
	mu    sync.Mutex
	bytes []byte
	grown chan struct{} // closed when there is more
}

func newText() *text { return &text{grown: make(chan struct{})} }

func (t *text) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes = append(t.bytes, b...)
	close(t.grown)
	t.grown = make(chan struct{})
	return len(b), nil
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.bytes)
}

// await waits until enough is there, and returns what is there in the end.
func (t *text) await(enough func(string) bool) (text string, ok bool) {
	late := time.After(patience)
	for {
		t.mu.Lock()
		text, grown := string(t.bytes), t.grown
		t.mu.Unlock()
		if enough(text) {
			return text, true
		}
		select {
		case <-grown:
		case <-late:
			return text, false
		}
	}
}
