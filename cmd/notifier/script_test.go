package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is after how long a script fails. Nothing waits for it to pass.
const patience = 30 * time.Second

// TestScripts runs testdata/script, once for each journal: the interface as a
// specification, held against the program as a process. README.md there says what
// the commands do.
func TestScripts(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "notifier")); err != nil {
		t.Fatal(err)
	}
	for _, journal := range []string{"memory", "disk"} {
		t.Run(journal, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir:                "testdata/script",
				RequireUniqueNames: true,
				Setup:              func(env *testscript.Env) error { return setUp(env, bin, journal) },
				Cmds:               commandsOfScripts,
			})
		})
	}
}

func setUp(env *testscript.Env, bin, journal string) error {
	s := &script{
		journal: journal,
		env:     []string{asProgram + "=1", "GORACE=atexit_sleep_ms=0", "PATH=" + bin + ":" + env.Getenv("PATH")},
		running: map[string]*source{},
	}
	env.Vars = append(env.Vars, s.env...)
	env.Values[scriptKey{}] = s
	env.Defer(func() { s.end(env.T().(testing.TB)) })
	return nil
}

var commandsOfScripts = map[string]func(*testscript.TestScript, bool, []string){
	"serve":    command((*script).serve),
	"drain":    command((*script).drain),
	"shutdown": command((*script).shutdown),
	"http":     command((*script).http),
	"refused":  command((*script).refused),
	"publish":  command((*script).publish),
	"capture":  command((*script).capture),
	"raw":      command((*script).raw),
	"fill":     command((*script).fill),
	"open":     command((*script).open),
	"start":    command((*script).start),
	"close":    command((*script).close),
	"expect":   command((*script).expect),
	"ended":    command((*script).ended),
	"exits":    command((*script).exits),
}

// A script is one of them while it runs.
type script struct {
	*testscript.TestScript          // of the command that is executed
	journal                string   // where servers keep events
	env                    []string // of processes
	server                 *process
	served                 int    // servers so far
	addr                   string // of the server
	running                map[string]*source
}

type scriptKey struct{}

func command(f func(*script, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		s := ts.Value(scriptKey{}).(*script)
		s.TestScript = ts
		f(s, args)
	}
}

// end ends what the script has started and not ended itself.
func (s *script) end(t testing.TB) {
	for _, src := range s.running {
		src.close()
	}
	if s.server != nil {
		if err := s.server.stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
}

// serve [NAME=VALUE]... [FLAG...]
func (s *script) serve(args []string) {
	if s.server != nil {
		s.shutdown(nil)
	}
	flags := 0
	for flags < len(args) && !strings.HasPrefix(args[flags], "-") {
		flags++
	}
	data := s.journal
	if data == "disk" {
		s.served++
		data = fmt.Sprintf("journal-%d", s.served)
	}
	s.server = s.run(slices.Insert(args, flags, "notifier", "serve", "--listen=127.0.0.1:0", "--admin-listen=", "--drain=0s", "--data="+data))
	ready := regexp.MustCompile(`notifier is listening.* url=(http://([^/\s]+)\S*)`)
	log, ok := s.server.stderr.await(ready.MatchString)
	if !ok {
		s.Fatalf("the server is not ready:\n%s", log)
	}
	found := ready.FindStringSubmatch(log)
	s.addr = found[2]
	s.Setenv("URL", found[1])
}

// drain
func (s *script) drain([]string) {
	s.Check(s.server.signal(syscall.SIGTERM))
	for ready := true; ready; {
		conn, resp := s.send([]string{"GET", s.base() + "/readyz"})
		conn.Close()
		ready = resp.StatusCode == http.StatusOK
	}
}

// shutdown
func (s *script) shutdown([]string) {
	p := s.server
	s.server = nil
	s.Check(p.stop(syscall.SIGTERM))
	io.WriteString(s.Stdout(), p.stderr.String())
}

// http METHOD TARGET [-H HEADER]... [-d BODY]
func (s *script) http(args []string) {
	if resp, _ := s.exchange(args); resp.StatusCode/100 != 2 {
		s.Fatalf("the status is %s", resp.Status)
	}
}

// refused STATUS DETAIL METHOD TARGET [-H HEADER]... [-d BODY]
func (s *script) refused(args []string) {
	resp, body := s.exchange(args[2:])
	var p struct {
		Type, Title, Detail string
		Status              int
		Errors              []struct{ Field, Detail string }
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		s.Fatalf("the body is no problem: %v", err)
	}
	if len(p.Errors) > 0 {
		p.Detail = ""
	}
	for i, e := range p.Errors {
		p.Detail += strings.Repeat("; ", min(i, 1)) + strings.TrimSpace(e.Field+" "+e.Detail)
	}
	switch {
	case strconv.Itoa(resp.StatusCode) != args[0]:
		s.Fatalf("the status is %s, want %s", resp.Status, args[0])
	case resp.Header.Get("Content-Type") != "application/problem+json":
		s.Fatalf("the Content-Type is not that of a problem")
	case p.Type != "about:blank" || p.Title != http.StatusText(resp.StatusCode) || p.Status != resp.StatusCode:
		s.Fatalf("the problem does not fit the status")
	case p.Detail != args[1]:
		s.Fatalf("it says\n%s\nwant\n%s", p.Detail, args[1])
	}
}

// publish NAME BODY
func (s *script) publish(args []string) {
	resp, body := s.exchange([]string{"POST", s.base() + "/api", "-d", args[1]})
	var answer struct{ ID string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || resp.StatusCode != http.StatusOK {
		s.Fatalf("not published")
	}
	s.Setenv(args[0], answer.ID)
}

// capture NAME REGEXP
func (s *script) capture(args []string) {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(s.ReadFile("stdout"))
	if len(found) < 2 {
		s.Fatalf("not in stdout")
	}
	s.Setenv(args[0], found[1])
}

// base is the server's base path.
func (s *script) base() string { return strings.TrimPrefix(s.Getenv("URL"), "http://"+s.addr) }

// exchange sends a request as args say, reads the answer and shows it.
func (s *script) exchange(args []string) (*http.Response, string) {
	conn, resp := s.send(args)
	defer conn.Close()
	body, err := io.ReadAll(resp.Body)
	s.Check(err)
	s.Stdout().Write(body)
	return resp, string(body)
}

// send sends a request as args say, byte for byte: an HTTP client would send a
// cleaner one. It shows the head of the answer.
func (s *script) send(args []string) (net.Conn, *http.Response) {
	method, target := args[0], args[1]
	header, body := http.Header{"Host": {s.addr}}, ""
	flags := flag.NewFlagSet("http", flag.PanicOnError)
	flags.Func("H", "", func(line string) error {
		name, value, _ := strings.Cut(line, ":")
		header[name] = append(header[name], strings.TrimSpace(value))
		return nil
	})
	flags.Func("d", "", func(text string) error {
		body = s.text(text)
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
		return nil
	})
	s.Check(flags.Parse(args[2:]))
	if header["Content-Length"] != nil && header["Content-Type"] == nil {
		header["Content-Type"] = []string{"application/json"}
	}

	conn := s.dial()
	go func() { // the answer may come before all is sent
		w := bufio.NewWriter(conn)
		fmt.Fprintf(w, "%s %s HTTP/1.1\r\n", method, target)
		header.Write(w)
		io.WriteString(w, "\r\n"+body)
		w.Flush()
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	s.Check(err)
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s\r\n", resp.Proto, resp.Status)
	resp.Header.Write(&head)
	io.WriteString(s.Stderr(), strings.ReplaceAll(head.String(), "\r", ""))
	return conn, resp
}

// text is an argument, or the file that it names.
func (s *script) text(arg string) string {
	if file, ok := strings.CutPrefix(arg, "@"); ok {
		return s.ReadFile(file)
	}
	return arg
}

func (s *script) dial() net.Conn {
	conn, err := net.Dial("tcp", s.addr)
	s.Check(err)
	s.Check(conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// raw [-cut] BYTES
func (s *script) raw(args []string) {
	conn := s.dial()
	defer conn.Close()
	_, err := io.WriteString(conn, unescape.Replace(s.text(args[len(args)-1])))
	s.Check(err)
	if args[0] == "-cut" {
		s.Check(conn.(*net.TCPConn).CloseWrite())
	}
	answer, err := io.ReadAll(conn)
	if !errors.Is(err, syscall.ECONNRESET) { // what closing looks like if not all was read
		s.Check(err)
	}
	io.WriteString(s.Stdout(), strings.ReplaceAll(string(answer), "\r\n", "\n"))
}

var unescape = strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\0`, "\x00")

// fill FILE BEFORE COUNT PIECE AFTER
func (s *script) fill(args []string) {
	count, err := strconv.Atoi(args[2])
	s.Check(err)
	var b strings.Builder
	b.WriteString(args[1])
	for i := range count {
		b.WriteString(strings.ReplaceAll(args[3], "%d", strconv.Itoa(i)))
	}
	b.WriteString(args[4])
	s.Check(os.WriteFile(s.MkAbs(args[0]), []byte(unescape.Replace(b.String())), 0o666))
}

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

// exits CODE PROGRAM [ARG...]
func (s *script) exits(args []string) {
	p := s.run(args[1:])
	err := within(p.ended)
	io.WriteString(s.Stdout(), p.stdout.String())
	io.WriteString(s.Stderr(), p.stderr.String())
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		s.Check(err)
	}
	if code := strconv.Itoa(p.cmd.ProcessState.ExitCode()); code != args[0] {
		s.Fatalf("exit code %s, want %s", code, args[0])
	}
}

// A process is a program that runs beside the script.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr *text
	signaled       bool
	ended          chan error
}

// run starts a program; args begin with what is in its environment, as NAME=value.
func (s *script) run(args []string) *process {
	env := s.env
	for strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	p := &process{stdout: newText(), stderr: newText(), ended: make(chan error, 1)}
	p.cmd = exec.Command("env", slices.Concat([]string{"-i"}, env, args)...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = s.MkAbs("."), p.stdout, p.stderr
	s.Check(p.cmd.Start())
	go func() { p.ended <- p.cmd.Wait() }()
	return p
}

// signal sends a signal, but no second one, which would end the program at once.
func (p *process) signal(s os.Signal) error {
	if p.signaled {
		return nil
	}
	p.signaled = true
	return p.cmd.Process.Signal(s)
}

// stop ends the program with a signal. It must end well.
func (p *process) stop(s os.Signal) error {
	if err := p.signal(s); err != nil {
		return err
	}
	err := within(p.ended)
	if err != nil {
		p.cmd.Process.Kill()
	}
	for _, trouble := range []string{"DATA RACE", "panic", "level=ERROR"} {
		if strings.Contains(p.stderr.String(), trouble) {
			err = errors.Join(err, errors.New(trouble))
		}
	}
	if err != nil {
		err = fmt.Errorf("%v: %w\n%s", p.cmd.Args, err, p.stderr)
	}
	return err
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
