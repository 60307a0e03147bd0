package config

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

//go:generate go test . -run TestPage -update

var update = flag.Bool("update", false, "write docs/configuration.md")

// page is the page about the settings. What stands before its first heading of the
// second level is written by hand.
const page = "../../docs/configuration.md"

// TestPage holds the page about the settings to their declarations.
func TestPage(t *testing.T) {
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	byHand, _, _ := strings.Cut(string(content), "\n## ")
	var want bytes.Buffer
	want.WriteString(byHand)
	WriteTable(&want)
	if *update {
		if err := os.WriteFile(page, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want.String() != string(content) {
		t.Error("docs/configuration.md is not what is declared: go generate ./internal/config")
	}
}

// TestSettings holds what an operator is promised of every setting.
func TestSettings(t *testing.T) {
	all := Settings()
	if len(all) > 60 {
		t.Errorf("%d settings", len(all))
	}
	for _, s := range all {
		if s.Env != prefix+strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_")) || s.Group == "" || s.Help == "" || !strings.HasSuffix(s.Help, ".") {
			t.Errorf("%+v", s)
		}
	}
}

func names(settings []Setting) (names []string) {
	for _, s := range settings {
		names = append(names, s.Name)
	}
	return names
}

func TestReload(t *testing.T) {
	before, after := Default(), Default()
	after.LogLevel, after.TLSCert, after.Heartbeat, after.Data = 4, "c.pem", time.Minute, Memory
	now, changed, restart := Reload(before, after)
	if got := names(changed); !slices.Equal(got, []string{"tls-cert", "log-level"}) {
		t.Errorf("changed %q", got)
	}
	if got := names(restart); !slices.Equal(got, []string{"heartbeat", "data"}) {
		t.Errorf("restart %q", got)
	}
	want := Default()
	want.LogLevel, want.TLSCert = 4, "c.pem"
	if !reflect.DeepEqual(now, want) || !reflect.DeepEqual(before, Default()) {
		t.Errorf("now %+v, before %+v", now, before)
	}
	if _, changed, restart := Reload(before, after, "tls-cert"); len(changed) != 1 || !slices.Contains(names(restart), "tls-cert") {
		t.Errorf("fixed: %v, %v", changed, restart)
	}
	if _, changed, restart := Reload(now, now); changed != nil || restart != nil {
		t.Errorf("nothing is different: %v, %v", changed, restart)
	}
}
