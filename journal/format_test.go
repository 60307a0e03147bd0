package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"notifier"
)

func openDir(t *testing.T, dir string) *durable {
	t.Helper()
	log, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return log.(*durable)
}

// TestLocked: a journal is open once.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), dir+" is in use by another process") {
		t.Errorf("opened twice: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	openDir(t, dir).Close()
}

// TestNewerFormat: a journal of a later version is left alone.
func TestNewerFormat(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	later := append(l.x.identity.encode(), "and more"...)
	binary.BigEndian.PutUint32(later, format+1)
	if err := errors.Join(l.x.db.Set(identityKey, later, pebble.NoSync), l.x.db.Flush()); err != nil {
		t.Fatal(err)
	}
	l.Close()
	for range 2 {
		_, err := Open(dir, Options{})
		if err == nil || !strings.Contains(err.Error(), dir+" has format 3") || !strings.Contains(err.Error(), "reads format 2") {
			t.Fatalf("opened a later format: %v", err)
		}
	}
}

// TestNewerPebble: so is one whose files are of a later version.
func TestNewerPebble(t *testing.T) {
	dir := t.TempDir()
	openDir(t, dir).Close()
	marker, err := filepath.Glob(filepath.Join(dir, "marker.format-version.*"))
	if err != nil || len(marker) != 1 {
		t.Fatal(marker, err)
	}
	if err := os.Rename(marker[0], filepath.Join(dir, "marker.format-version.000999.999")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "999") {
		t.Fatalf("opened a later Pebble: %v", err)
	}
}

// TestForeign: a directory with something else in it is not taken for a journal.
func TestForeign(t *testing.T) {
	fs := vfs.NewMem()
	db, err := pebble.Open(memDir, &pebble.Options{FS: fs, Comparer: comparer})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Set([]byte("x"), nil, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := (Disk{fs: fs}).Open(memDir); err == nil || !strings.Contains(err.Error(), "something else") {
		t.Fatalf("opened it: %v", err)
	}
}

// TestNoCredentialOnDisk: neither tokens nor idempotency keys stand anywhere in the
// directory, whatever is done with them.
func TestNoCredentialOnDisk(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	const secret = "hush-4711"
	data := []byte("this can be seen")
	appendTo(t, l,
		notifier.Publication{Tokens: []string{secret}, Data: data, TTL: time.Hour, Key: secret},
		notifier.Publication{Tokens: append(tokens(0, 10), secret), Data: data, TTL: time.Hour},
		notifier.Publication{All: true, Except: secret, Data: data, TTL: time.Hour})
	if _, err := l.Forget(context.Background(), secret); err != nil {
		t.Fatal(err)
	}
	if err := l.x.db.Flush(); err != nil {
		t.Fatal(err)
	}
	l.Close()
	seen := false
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		seen = seen || bytes.Contains(b, data)
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s has the secret", filepath.Base(file))
		}
	}
	if !seen {
		t.Error("the data cannot be seen either: the test proves nothing")
	}
}

// TestRestartKeepsIDs: right after a restart the first resume works, before
// anything is published.
func TestRestartKeepsIDs(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	acks := appendTo(t, l, to("1"), to("1"))
	l.Close()
	l = openDir(t, dir)
	defer l.Close()
	if l.Head() != acks[1].ID {
		t.Fatalf("the head is %v, was %v", l.Head(), acks[1].ID)
	}
	page, err := l.Replay(context.Background(), notifier.Query{Tokens: []string{"1"}, After: acks[0].ID})
	if err != nil || page.Gap != notifier.GapNone || len(page.Events) != 1 || page.Events[0].ID != acks[1].ID {
		t.Errorf("%+v, %v", page, err)
	}
	other := openDir(t, t.TempDir())
	defer other.Close()
	if other.Head().Epoch == l.Head().Epoch {
		t.Error("two journals have one epoch")
	}
}
