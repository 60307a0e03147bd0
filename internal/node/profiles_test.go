package node_test

import (
	"testing"

	"notifier/internal/nodetest"
)

// TestProfiles holds who may ask for profiles, and that the command line is none.
func TestProfiles(t *testing.T) {
	n := nodetest.Start(t)
	for _, c := range []struct {
		path, header string
		want         int
	}{
		{"/debug/pprof/", "", 200},
		{"/debug/pprof/heap?gc=1", "", 200},
		{"/debug/pprof/heap?gc=1", "Sec-Fetch-Site: none", 200},
		{"/debug/pprof/heap?gc=1", "Sec-Fetch-Site: same-origin", 200},
		{"/debug/pprof/heap?gc=1", "Sec-Fetch-Site: same-site", 403},
		{"/debug/pprof/trace?seconds=9", "Sec-Fetch-Site: cross-site", 403},
		{"/debug/pprof/cmdline", "", 404},
	} {
		if got := askAdmin(t, n, "GET", c.path, c.header, ""); got.StatusCode != c.want {
			t.Errorf("%s %s: %s, want %d", c.path, c.header, got.Status, c.want)
		}
	}
}
