package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"notifier"
)

// verified is what Verify finds, and how many problems.
func verified(t *testing.T, dir string) (Stats, []string) {
	t.Helper()
	var problems []string
	stats, err := Verify(dir, func(p string) { problems = append(problems, p) })
	if err != nil {
		t.Fatal(err)
	}
	return stats, problems
}

func TestVerify(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	before := time.Now()
	one := to("1")
	one.Key = "k"
	appendTo(t, l, one, to("2"), notifier.Publication{All: true, Data: []byte("{}"), TTL: time.Hour},
		notifier.Publication{Tokens: tokens(0, 100), Data: []byte("{}"), TTL: time.Hour})
	if _, err := l.Forget(context.Background(), "2"); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(dir, nil); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("verified a journal that is open: %v", err)
	}
	head := l.Head()
	l.Close()
	stats, problems := verified(t, dir)
	if len(problems) > 0 {
		t.Errorf("problems: %q", problems)
	}
	if stats.Head != head || stats.Events != 3 || stats.Tokens != 101 || stats.Format != format ||
		stats.Oldest.Before(before) || stats.Newest.Before(stats.Oldest) || stats.Bytes == 0 {
		t.Errorf("%+v", stats)
	}
	openDir(t, dir).Close() // and it is as it was
}

// TestVerifyFindsDamage: what no journal has written is found.
func TestVerifyFindsDamage(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	wide := notifier.Publication{Tokens: tokens(0, 5), Data: []byte("{}"), TTL: time.Hour}
	appendTo(t, l, to("1"), wide, to("3"))
	token := l.x.hash.token("1")
	b := l.x.db.NewBatch()
	b.Delete(bodyKey(nil, 1, 2), nil)                           // 5 heads without a body
	b.Set(eventKey(nil, 1, token, 1), []byte("?"), nil)         // no event
	b.Set(eventKey(nil, 1, token, 9), make([]byte, 20), nil)    // not reached
	b.Set(eventKey(nil, 1, token, floorSeq), []byte{9: 0}, nil) // no floor
	b.Set([]byte("x"), nil, nil)                                // no key
	if err := errors.Join(b.Commit(pebble.NoSync), l.x.db.Flush()); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, problems := verified(t, dir); len(problems) != 9 {
		t.Errorf("%d problems: %s", len(problems), strings.Join(problems, "\n"))
	}
}

func TestVerifyNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "absent")
	if _, err := Verify(dir, nil); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("verified nothing: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("and made it")
	}
}

func TestExport(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	var pubs []notifier.Publication
	for i := range 2500 {
		p := to("1")
		p.Name, p.Data = "n", fmt.Appendf(nil, `{"data":"<%d>"}`, i)
		pubs = append(pubs, p, to("2"))
	}
	acks := appendTo(t, l, pubs...)
	l.Close()
	var out bytes.Buffer
	if err := Export(context.Background(), dir, "1", &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2500 || !strings.HasSuffix(lines[7], `,"ttl":"1h0m0s","event":"n","data":{"data":"<7>"}}`) {
		t.Fatalf("%d lines, the eighth %s", len(lines), lines[7])
	}
	for i, line := range lines {
		var e exported
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.ID != acks[2*i].ID.String() {
			t.Fatalf("line %d: %s, %v", i, line, err)
		}
	}
}
