package auth

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"notifier"
)

func openDenyList(t testing.TB, path string) *DenyList {
	t.Helper()
	l, err := OpenDenyList(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func deny(t testing.TB, l *DenyList, s Subject, d time.Duration) {
	t.Helper()
	if err := l.Deny(s, time.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}

func anybody(Subject) bool { return true }

func listed(l *DenyList) []Denial {
	page, _ := l.List(Subject{}, maxDenials, anybody)
	return page
}

func TestGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openDenyList(t, "")
		who := notifier.Identity{Keys: []string{"1", "group"}, Credential: "jti"}
		var failed error
		enter := l.Guard(func(*http.Request) (notifier.Identity, error) { return who, failed })
		want := func(err error) {
			t.Helper()
			got, gotErr := enter(request("", ""))
			if !errors.Is(gotErr, err) || (gotErr == nil) != (err == nil) || (got.Keys == nil) != (err != nil) {
				t.Errorf("%+v, %v; want %v", got, gotErr, err)
			}
		}
		want(nil)
		for _, s := range []Subject{{Token: "1"}, {Token: "group"}, {JWT: "jti"}} {
			deny(t, l, s, time.Minute)
			want(notifier.ErrForbidden)
			time.Sleep(time.Minute - 1)
			want(notifier.ErrForbidden)
			time.Sleep(time.Nanosecond)
			want(nil)

			deny(t, l, s, time.Hour)
			if lifted, err := l.Lift(s); !lifted || err != nil {
				t.Errorf("lift: %t, %v", lifted, err)
			}
			want(nil)
			if lifted, err := l.Lift(s); lifted || err != nil {
				t.Errorf("lift again: %t, %v", lifted, err)
			}
		}
		for _, s := range []Subject{{Token: "jti"}, {JWT: "1"}, {Token: "11"}} { // others
			deny(t, l, s, time.Minute)
			want(nil)
		}
		who.Credential = ""
		deny(t, l, Subject{Token: "2"}, time.Minute)
		want(nil)
		who, failed = notifier.Identity{}, notifier.ErrUnavailable
		want(notifier.ErrUnavailable)
	})
}

func TestDenySubject(t *testing.T) {
	for _, tt := range []struct {
		Subject
		field string
	}{
		{Subject{Token: "1"}, ""},
		{Subject{JWT: "1"}, ""},
		{Subject{}, "token"},
		{Subject{"1", "1"}, "token"},
		{Subject{Token: "\n"}, "token"},
		{Subject{JWT: strings.Repeat("x", 257)}, "jwt"},
	} {
		if field, wrong := tt.Check(); field != tt.field || (wrong == "") != (field == "") {
			t.Errorf("%+v: %s %s", tt.Subject, field, wrong)
		}
	}
}

func TestDenyPersists(t *testing.T) {
	path := filepath.Join(t.TempDir(), "denied.json")
	l := openDenyList(t, path)
	deny(t, l, Subject{Token: "a"}, time.Hour)
	deny(t, l, Subject{JWT: "j"}, time.Hour)
	deny(t, l, Subject{Token: "lifted"}, time.Hour)
	deny(t, l, Subject{Token: "over"}, -time.Second)
	if _, err := l.Lift(Subject{Token: "lifted"}); err != nil {
		t.Fatal(err)
	}
	deny(t, l, Subject{Token: "a"}, 2*time.Hour) // the last word counts
	want := fmt.Sprint(listed(l))
	again := openDenyList(t, path) // nobody has closed the first
	got := listed(again)
	if len(got) != 2 || got[0].JWT != "j" || got[1].Token != "a" || time.Until(got[1].Until) < time.Hour {
		t.Errorf("after a restart: %+v, before: %s", got, want)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(path + ".*"); left != nil {
		t.Errorf("left over: %v", left)
	}
}

// What the disk does not take is not in force, and is not told to be.
func TestDenyNotDurable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := openDenyList(t, filepath.Join(dir, "denied.json"))
	deny(t, l, Subject{Token: "a"}, time.Hour)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := l.Deny(Subject{Token: "b"}, time.Now().Add(time.Hour)); !errors.Is(err, notifier.ErrUnavailable) {
		t.Errorf("deny: %v", err)
	}
	if _, err := l.Lift(Subject{Token: "a"}); !errors.Is(err, notifier.ErrUnavailable) {
		t.Errorf("lift: %v", err)
	}
	if got := listed(l); len(got) != 1 || got[0].Token != "a" {
		t.Errorf("%+v", got)
	}
}

// A file that could not take the place of another is not left beside it.
func TestReplaceFileLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(path, nil); err == nil {
		t.Error("a directory was replaced")
	}
	if left, err := os.ReadDir(dir); len(left) != 1 || err != nil {
		t.Errorf("%v, %v", left, err)
	}
}

func TestDenyDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "denied.json")
	for _, text := range []string{"", "{", "{}", `{"format":2,"denials":[]}`, `{"format":1,"denials":[{"token":1}]}`, `{"format":1,"denials":[{"token":"1","until":"soon"}]}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenDenyList(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDenyLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openDenyList(t, "")
		full := map[Subject]time.Time{}
		for i := range maxDenials {
			full[Subject{Token: fmt.Sprint(i)}] = time.Now().Add(time.Minute)
		}
		l.denials.Store(&full)
		var limit *notifier.LimitError
		if err := l.Deny(Subject{Token: "one more"}, time.Now().Add(time.Hour)); !errors.As(err, &limit) {
			t.Errorf("one more: %v", err)
		}
		deny(t, l, Subject{Token: "7"}, time.Hour)
		time.Sleep(time.Minute)
		deny(t, l, Subject{Token: "one more"}, time.Hour)
		if left := len(*l.denials.Load()); left != 2 {
			t.Errorf("%d denials are kept, want those 2 that have not expired", left)
		}
	})
}

// Denials that come together are all durable, and none is lost to another.
func TestDenyTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "denied.json")
	l := openDenyList(t, path)
	var together sync.WaitGroup
	for i := range 50 {
		together.Go(func() {
			s := Subject{Token: fmt.Sprint(i)}
			if err := l.Deny(s, time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
			if saved := openDenyList(t, path); !saved.denied(s) || !l.denied(s) {
				t.Errorf("%d is not durable", i)
			}
			if i%2 > 0 {
				l.Lift(s)
			}
		})
	}
	together.Wait()
	if n := len(listed(openDenyList(t, path))); n != 25 {
		t.Errorf("%d are denied, want 25", n)
	}
}

func TestDenyList(t *testing.T) {
	l := openDenyList(t, "")
	for _, s := range []Subject{{Token: "b"}, {JWT: "z"}, {Token: "a"}, {JWT: "y"}, {Token: "c"}} {
		deny(t, l, s, time.Hour)
	}
	deny(t, l, Subject{Token: "over"}, 0)
	var pages []Subject
	after := Subject{}
	for {
		page, total := l.List(after, 2, func(s Subject) bool { return s.Token != "b" })
		if total != 4 {
			t.Errorf("total %d", total)
		}
		if len(page) == 0 {
			break
		}
		for _, d := range page {
			pages = append(pages, d.Subject)
		}
		after = page[len(page)-1].Subject
	}
	if want := []Subject{{JWT: "y"}, {JWT: "z"}, {Token: "a"}, {Token: "c"}}; !slices.Equal(pages, want) {
		t.Errorf("%+v, want %+v", pages, want)
	}
}
