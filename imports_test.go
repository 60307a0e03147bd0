package notifier_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
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
	"internal/e2e":       {},
	"internal/express":   {},
	"internal/limit":     {"."},
	"internal/loadtest":  {},
	"internal/metrics":   {"stream", "journal"},
	"internal/node":      {".", "stream", "ingest", "auth", "journal", "internal/problem", "internal/config", "internal/limit", "internal/metrics", "internal/tracing", "internal/express", "internal/console", "examples/browser"},
	"internal/nodetest":  {"internal/node", "internal/config", "internal/ssetest"},
	"internal/problem":   {"."},
	"internal/ssetest":   {},
	"internal/tracing":   {"."},
	"cmd/notifier":       {"auth", "internal/node", "internal/config", "journal", "internal/doctor", "internal/loadtest"},
	"bench":              {},
	"bench/bbolt":        {"."},
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
	"github.com/cockroachdb/pebble/v2":   {"journal"},
	"github.com/go-json-experiment/json": {"auth", "ingest", "internal/node"},
	"github.com/alecthomas/kong":         {"internal/config", "cmd/notifier"},
	"go.yaml.in/yaml/v3":                 {"internal/config", "auth"},
	"github.com/rs/cors":                 {"internal/node"},
	"github.com/go-jose/go-jose/v4":      {"auth", "cmd/notifier"},
	"github.com/hashicorp/golang-lru/v2": {"auth"},
	"github.com/sony/gobreaker/v2":       {"auth"},
	"golang.org/x/crypto":                {"internal/node"},
	"golang.org/x/time":                  {"internal/limit"},
	"github.com/coreos/go-systemd/v22":   {"cmd/notifier", "internal/node"},
	// Who counts or calls does not know who watches.
	"github.com/prometheus":                   {"internal/metrics"},
	"go.opentelemetry.io":                     {"internal/tracing"},
	"github.com/HdrHistogram/hdrhistogram-go": {"internal/loadtest"},
	"go.etcd.io/bbolt":                        {"bench/bbolt"}, // to be measured against
}

// TestImports holds the direction of imports and where libraries belong. Both tables
// say what there is, and nothing that there was.
func TestImports(t *testing.T) {
	drawn, pinned := used{}, used{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		file = filepath.ToSlash(file)
		if strings.HasPrefix(file, "tools/") { // a module of its own
			return nil
		}
		from := path.Dir(file)
		if _, known := arrows[from]; !known {
			t.Errorf("%s: package %s is not in the table of arrows", file, from)
		}
		drawn.add(from, "")
		for _, imp := range importsOf(t, file) {
			checkArrow(t, drawn, file, imp)
			checkPin(t, pinned, file, imp)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	drawn.check(t, "arrows", arrows)
	pinned.check(t, "pins", pins)
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

func checkArrow(t *testing.T, drawn used, file, imp string) {
	to, ours := strings.CutPrefix(imp+"/", "notifier/")
	if !ours {
		return
	}
	from := path.Dir(file)
	to = path.Clean(to)
	if !slices.Contains(arrows[from], to) {
		t.Errorf("%s imports %s: no such arrow", file, imp)
	}
	drawn.add(from, to)
}

func checkPin(t *testing.T, pinned used, file, imp string) {
	for lib, places := range pins {
		if imp != lib && !strings.HasPrefix(imp, lib+"/") {
			continue
		}
		i := slices.IndexFunc(places, func(p string) bool { return p == file || p == path.Dir(file) })
		if i < 0 {
			t.Errorf("%s imports %s, which belongs in %v", file, imp, places)
			continue
		}
		pinned.add(lib, places[i])
	}
}

// used is what was seen of a table: of its keys, and under each of its entries.
type used map[string]map[string]bool

func (u used) add(key, entry string) {
	if u[key] == nil {
		u[key] = map[string]bool{}
	}
	u[key][entry] = true
}

// check reports what a table has and the code has not.
func (u used) check(t *testing.T, name string, table map[string][]string) {
	for _, key := range slices.Sorted(maps.Keys(table)) {
		if u[key] == nil {
			t.Errorf("%s: there is no %s any more", name, key)
		}
		for _, entry := range table[key] {
			if !u[key][entry] {
				t.Errorf("%s: %s does not need %s any more", name, key, entry)
			}
		}
	}
}
