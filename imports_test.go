package notifier_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// arrows are the imports inside the module that each package may have; one that
// is not listed here is a new arrow, and a decision.
var arrows = map[string][]string{
	".":                  {},
	"stream":             {"."},
	"ingest":             {"."},
	"auth":               {"."},
	"journal":            {"."},
	"journal/logtest":    {".", "journal"},
	"examples/browser":   {},
	"internal/config":    {},
	"internal/console":   {},
	"internal/doctor":    {},
	"internal/loadtest":  {},
	"internal/ssetest":   {},
	"internal/problem":   {"."},
	"internal/limit":     {"."},
	"internal/metrics":   {"stream", "journal"},
	"internal/tracing":   {"."},
	"internal/node":      {".", "stream", "ingest", "auth", "journal", "internal/problem", "internal/config", "internal/limit", "internal/metrics", "internal/tracing", "internal/express", "internal/console", "examples/browser"},
	"internal/express":   {},
	"internal/nodetest":  {"internal/node", "internal/config", "internal/ssetest"},
	"cmd/notifier":       {".", "auth", "internal/node", "internal/config", "journal", "internal/doctor", "internal/loadtest"},
	"bench":              {},
	"bench/bbolt":        {".", "journal"},
	"bench/floor":        {},
	"bench/loadgen":      {},
	"bench/peers/r3labs": {},
	"bench/r3labs":       {},
}

// pins are the libraries that only some places may use; a place is a file or a
// package folder.
var pins = map[string][]string{
	"github.com/julienschmidt/httprouter": {"internal/node/routes.go"},
	// Our encoder fills its Event; its client reads what we write; its server is
	// only ever the subject of a measurement.
	"github.com/r3labs/sse/v2":           {"frame.go", "stream", "cmd/notifier", "bench/r3labs", "bench/peers/r3labs"},
	"github.com/go-json-experiment/json": {"auth", "ingest", "internal/node"},
	"github.com/alecthomas/kong":         {"internal/config", "cmd/notifier"},
	"go.yaml.in/yaml/v3":                 {"internal/config", "auth"},
	"github.com/rs/cors":                 {"internal/node"},
	"github.com/go-jose/go-jose/v4":      {"auth", "cmd/notifier"},
	"golang.org/x/time":                  {"internal/limit"},
	"github.com/coreos/go-systemd/v22":   {"cmd/notifier", "internal/node"},
	// Who counts or calls does not know who watches.
	"github.com/prometheus":                   {"internal/metrics"},
	"go.opentelemetry.io":                     {"internal/tracing"},
	"github.com/HdrHistogram/hdrhistogram-go": {"internal/loadtest"},
	"go.etcd.io/bbolt":                        {"bench/bbolt"}, // to be measured against
}

// TestImports holds the direction of imports and where libraries belong.
func TestImports(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		seen++
		file = filepath.ToSlash(file)
		for _, imp := range importsOf(t, file) {
			checkArrow(t, file, imp)
			checkPin(t, file, imp)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 10 {
		t.Fatalf("saw only %d files", seen)
	}
}

func importsOf(t *testing.T, file string) (imps []string) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range f.Imports {
		imp, err := strconv.Unquote(s.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		imps = append(imps, imp)
	}
	return imps
}

func checkArrow(t *testing.T, file, imp string) {
	to, ours := strings.CutPrefix(imp+"/", "notifier/")
	if !ours {
		return
	}
	if to = strings.TrimSuffix(to, "/"); to == "" {
		to = "."
	}
	from := path.Dir(file)
	allowed, known := arrows[from]
	if !known {
		t.Errorf("%s: package %s is not in the table of arrows", file, from)
	}
	for _, a := range allowed {
		if a == to {
			return
		}
	}
	t.Errorf("%s imports %s: no such arrow", file, imp)
}

func checkPin(t *testing.T, file, imp string) {
	for lib, places := range pins {
		if imp != lib && !strings.HasPrefix(imp, lib+"/") {
			continue
		}
		ok := false
		for _, p := range places {
			ok = ok || p == file || p == path.Dir(file)
		}
		if !ok {
			t.Errorf("%s imports %s, which belongs in %v", file, imp, places)
		}
	}
}
