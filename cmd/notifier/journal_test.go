package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"notifier"
	"notifier/journal"
)

// stopped is the directory of a journal with two events for token 1.
func stopped(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	log, err := journal.Open(dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := notifier.Publication{Tokens: []string{"1"}, Data: []byte(`{"entityType":"","data":1}`), TTL: time.Hour}
	if _, err := log.Append(t.Context(), []notifier.Publication{p, p}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestJournalVerifyFindsDamage(t *testing.T) {
	dir := stopped(t)
	comparer := *pebble.DefaultComparer
	comparer.Name = "notifier.journal"
	db, err := pebble.Open(dir, &pebble.Options{Comparer: &comparer})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("x"), nil, pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	out, errs, code := run(t, nil, "journal", "verify", "--data", dir)
	if code != 1 || out != "key 78: no key of this format\n" || !strings.HasSuffix(errs, ": 1\n") {
		t.Errorf("code %d, stdout %q, stderr %q", code, out, errs)
	}
}

// TestJournalExportStops holds that an export nobody reads on ends with the
// reader's error.
func TestJournalExportStops(t *testing.T) {
	full := errors.New("full")
	c := journalExportCmd{dataDir: dataDir{stopped(t)}, Token: "1"}
	if err := c.Run(t.Context(), failing{full}); err != full {
		t.Errorf("error %v, want %v", err, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestFlatten holds that an export that broke off is not taken for a whole one.
func TestFlatten(t *testing.T) {
	line := `{"id":"e-1","time":"2026-11-23T10:00:00Z","ttl":"1h","data":{"entityType":"<","data":{"n":1.0}}}`
	want := `{"id":"e-1","time":"2026-11-23T10:00:00Z","event":"","entityType":"<","data":{"n":1.0}}` + "\n"
	var out bytes.Buffer
	if err := flatten(&out, strings.NewReader(line+"\n"+line[:40])); err != io.ErrUnexpectedEOF || out.String() != want {
		t.Errorf("%q, %v", out.String(), err)
	}
}
