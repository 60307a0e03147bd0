package main

import (
	"os"
	"path/filepath"
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
	"bad":      command((*script).bad),
	"badraw":   command((*script).badraw),
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
	published              int    // by bad and badraw
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
	for name, src := range s.running {
		if err := src.close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.server != nil {
		if err := s.server.stop(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
}
