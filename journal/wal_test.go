package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"notifier"
)

var testSalt = [walSaltLen]byte{1, 2, 3}

// walFile is a file of the log with rounds from first on.
func walFile(first uint64, changes ...string) []byte {
	b := walHeader(testSalt)
	for i, c := range changes {
		b = appendRound(b, testSalt, first+uint64(i), []byte(c))
	}
	return b
}

func replayed(b []byte, after uint64) (got []string, last uint64, err error) {
	last, err = replayFile(b, after, func(changes []byte) error {
		got = append(got, string(changes))
		return nil
	})
	return got, last, err
}

func TestReplayFile(t *testing.T) {
	zeros := make([]byte, 100)
	whole := walFile(5, "five", "six", "seven")
	start := len(walFile(5)) // of the first round
	cut := func(b []byte, n int) []byte { return append(slices.Clone(b[:n]), zeros...) }
	flip := func(at int) []byte {
		b := append(slices.Clone(whole), zeros...)
		b[at] ^= 0x10
		return b
	}
	for _, c := range []struct {
		name  string
		file  []byte
		after uint64
		want  string
		err   string
	}{
		{"whole", whole, 4, "five six seven", ""},
		{"with room", append(slices.Clone(whole), zeros...), 4, "five six seven", ""},
		{"some of it is in tables", whole, 6, "seven", ""},
		{"all of it is in tables", whole, 9, "", ""},
		{"cut off inside the last round", cut(whole, len(whole)-2), 4, "five six", ""},
		{"cut off before its changes", cut(whole, len(whole)-5), 4, "five six", ""},
		{"the last round is damaged", flip(len(whole) - 1), 4, "five six", ""},
		{"the second one is", flip(start + walRoundLen + 4 + walRoundLen), 4, "five", "round 6 is damaged"},
		{"its length is", flip(start + walRoundLen + 4), 4, "five", "round 6 is damaged"},
		{"the first is, and its length", flip(start + 1), 4, "", "round 5 is damaged"},
		{"one before is missing", whole, 3, "", "rounds 4 to 4 are missing"},
		{"the salt is damaged", flip(len(walMagic)), 4, "", "the beginning is damaged"},
		{"what all files begin with is", flip(0), 4, "", "the beginning is damaged"},
		{"the power went inside the header", append([]byte(walMagic), zeros...), 4, "", ""},
		{"no header", walFile(1)[:walHeaderLen-1], 0, "", ""},
		{"empty", nil, 0, "", ""},
		{"zeros", zeros, 0, "", ""},
	} {
		got, last, err := replayed(c.file, c.after)
		if strings.Join(got, " ") != c.want || last != c.after+uint64(len(got)) {
			t.Errorf("%s: %q up to %d, want %q", c.name, got, last, c.want)
		}
		if (err == nil) != (c.err == "") || err != nil && (!strings.Contains(err.Error(), c.err) || !errors.Is(err, errCorrupt)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
		}
	}
}

// FuzzReplayFile cuts a log off or changes a byte of it: what is replayed is the
// beginning of what was written, and if that is not all that a later round proves to
// have been there, it is an error.
func FuzzReplayFile(f *testing.F) {
	f.Add([]byte("changes"), uint16(30), byte(0))
	f.Add([]byte("changes"), uint16(60), byte(1))
	f.Add(bytes.Repeat([]byte{0}, 40), uint16(90), byte(0x80))
	f.Fuzz(func(t *testing.T, changes []byte, at uint16, flip byte) {
		if len(changes) == 0 || len(changes) > 1000 {
			return
		}
		want := []string{string(changes), "second", string(changes) + "third"}
		b := append(walFile(1, want...), make([]byte, 50)...)
		i := walHeaderLen + int(at)%(len(b)-walHeaderLen)
		if flip == 0 {
			clear(b[i:])
		} else {
			b[i] ^= flip
		}
		got, _, err := replayed(b, 0)
		if !slices.Equal(got, want[:len(got)]) {
			t.Fatalf("replayed %q", got)
		}
		if flip != 0 && len(got) < 2 && err == nil {
			t.Fatalf("%d rounds of 3, and no error", len(got))
		}
		if flip == 0 && err != nil {
			t.Fatal(err)
		}
	})
}

// TestRotate has the log begin new files: those before go once their rounds are in
// tables, and nothing is lost whenever the process ends.
func TestRotate(t *testing.T) {
	mem := vfs.NewCrashableMem()
	r := newTrial(t, mem, unboundedOptions)
	files := map[string]bool{}
	for range 300 {
		r.publish(100_000)
		names, err := walFiles(memDir, mem)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			files[name] = true
		}
	}
	if len(files) < 3 {
		t.Fatalf("%d files", len(files))
	}
	lost := mem.CrashClone(vfs.CrashCloneCfg{})
	r.log.x.wal.flushes.Wait()
	if names, _ := walFiles(memDir, mem); len(names) != 1 {
		t.Errorf("left over: %q", names)
	}
	r.close()
	r.log = openMem(t, mem, unboundedOptions)
	r.check()
	if names, _ := walFiles(memDir, mem); len(names) != 0 {
		t.Errorf("left over from the time before: %q", names)
	}
	r.close()
	r.checkLost(lost, r.acked)
}

// TestLargeRound: a round that is larger than a file gets one of its own.
func TestLargeRound(t *testing.T) {
	mem := vfs.NewMem()
	r := newTrial(t, mem, unboundedOptions)
	r.publish(10)
	r.publish(walBytes + 1)
	r.publish(10)
	r.close()
	r.log = openMem(t, mem, unboundedOptions)
	defer r.close()
	r.check()
}

// TestDamagedLog: a journal whose log is damaged in the middle is not opened as if
// what follows had never been, and one whose log ends in rubbish is.
func TestDamagedLog(t *testing.T) {
	for _, c := range []struct {
		name  string
		harm  func(b []byte)
		whole bool
	}{
		{"in the middle", func(b []byte) { b[walHeaderLen+walRoundLen+50] ^= 1 }, false},
		{"after the end", func(b []byte) { copy(b[bytes.LastIndexByte(b, '4')+100:], "rubbish") }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			mem := vfs.NewMem()
			r := newTrial(t, mem, unboundedOptions)
			for range 4 {
				r.publish(1000)
			}
			r.close()
			harmLog(t, mem, c.harm)
			log, err := Disk{Options: unboundedOptions, Log: slog.New(slog.DiscardHandler), fs: mem, tune: timeless}.Open(memDir)
			if !c.whole {
				if !errors.Is(err, errCorrupt) || !strings.Contains(err.Error(), memDir) {
					t.Fatalf("opened: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r.log = log.(*durable)
			r.check()
			r.close()
		})
	}
}

// harmLog rewrites the log's only file, with some room behind its last round.
func harmLog(t *testing.T, fs vfs.FS, harm func([]byte)) {
	t.Helper()
	names, err := walFiles(memDir, fs)
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	b, err := readFile(fs, names[0])
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, make([]byte, 4096)...)
	harm(b)
	f, err := fs.Create(names[0], vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFormat1 opens a journal of the time when Pebble kept the write-ahead log.
func TestFormat1(t *testing.T) {
	mem := vfs.NewCrashableMem()
	l := openMem(t, mem, unboundedOptions)
	x := l.x
	l.Close()
	opts := &pebble.Options{FS: mem, Comparer: comparer, FormatMajorVersion: pebbleFormat, Logger: pebbleLogger{log: x.log}}
	timeless(opts)
	db, err := pebble.Open(memDir, opts)
	if err != nil {
		t.Fatal(err)
	}
	id, s := x.identity, *x.state.Load()
	id.format, s.last, s.lastTime = 1, 1, time.Now().UnixNano()
	p := notifier.Publication{Tokens: []string{"1"}, Data: []byte(`{"old":1}`), TTL: time.Hour}
	e := x.hash.entry(&p)
	binary.BigEndian.PutUint64(e.value[headTime:], uint64(s.lastTime))
	b := db.NewBatch()
	err = errors.Join(
		b.Set(identityKey, id.encode(), nil),
		b.Set(stateKey, s.encode()[:stateLen1], nil),
		b.Set(eventKey(nil, s.current().number, x.hash.token("1"), 1), e.value, nil),
		b.Commit(pebble.Sync))
	if err != nil {
		t.Fatal(err)
	}
	crashed := mem.CrashClone(vfs.CrashCloneCfg{})
	db.Close()
	for range 2 { // the second time it is of this format
		l = openMem(t, crashed, unboundedOptions)
		page, err := l.Replay(context.Background(), notifier.Query{Tokens: []string{"1"}, Live: 1 << 40})
		if err != nil || len(page.Events) == 0 || string(page.Events[0].Data) != `{"old":1}` {
			t.Fatalf("%+v, %v", page, err)
		}
		if l.x.identity.format != format {
			t.Errorf("the format is %d", l.x.identity.format)
		}
		appendTo(t, l, to("1"))
		l.Close()
	}
}

// TestReadOnly: looking at a stopped journal shows what only its write-ahead log has,
// and changes nothing.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	appendTo(t, l, to("1"), to("1"))
	l.Close()
	before := contents(t, dir)
	stats, problems := verified(t, dir)
	if stats.Events != 2 || len(problems) > 0 {
		t.Errorf("%+v, %q", stats, problems)
	}
	var out strings.Builder
	if err := Export(context.Background(), dir, "1", &out); err != nil || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("exported %q, %v", out.String(), err)
	}
	if after := contents(t, dir); after != before {
		t.Errorf("was\n%snow\n%s", before, after)
	}
}

func contents(t *testing.T, dir string) (list string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		list += fmt.Sprintln(filepath.Base(name), len(b), checksum(testSalt, b))
	}
	return list
}

// TestAppender: what is appended is in the file in order, and what cannot be written or
// synced is an error, however it is waited for.
func TestAppender(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	f, err := vfs.Default.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var a appender
	defer a.close()
	for i, s := range []string{"a", "bc", "def", "g"} {
		if err := a.append(f, []byte(s), i%2 > 0); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != "abcdefg" {
		t.Fatalf("%q, %v", b, err)
	}
	for _, device := range []string{os.DevNull, "/dev/full"} {
		f, err := vfs.Default.OpenReadWrite(device, vfs.WriteCategoryUnspecified)
		if errors.Is(err, fs.ErrNotExist) {
			continue // not every system is full
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, alone := range []bool{false, true, true} {
			if err := a.append(f, []byte("x"), alone); err == nil {
				t.Error("appended to ", device)
			}
		}
		f.Close()
	}
	if err := a.append(f, []byte("h"), true); err != nil {
		t.Error("after a failure: ", err)
	}
}
