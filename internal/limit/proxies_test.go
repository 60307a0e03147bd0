package limit

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func from(peer string, forwarded ...string) *http.Request {
	r := &http.Request{RemoteAddr: peer, Header: http.Header{}}
	if forwarded != nil {
		r.Header["X-Forwarded-For"] = forwarded
	}
	return r
}

var trusted = Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}

func TestClient(t *testing.T) {
	for _, tt := range []struct {
		name    string
		proxies Proxies
		r       *http.Request
		want    string
	}{
		{"no proxy", trusted, from("192.0.2.1:5"), "192.0.2.1"},
		{"a stranger's word", trusted, from("192.0.2.1:5", "192.0.2.9"), "192.0.2.1"},
		{"nobody is trusted", nil, from("10.0.0.1:5", "192.0.2.9"), "10.0.0.1"},
		{"a proxy's word", trusted, from("10.0.0.1:5", "192.0.2.9"), "192.0.2.9"},
		{"a proxy that says nothing", trusted, from("10.0.0.1:5"), "10.0.0.1"},
		{"what the client wrote before", trusted, from("10.0.0.1:5", "203.0.113.7, 192.0.2.9"), "192.0.2.9"},
		{"two proxies", trusted, from("10.0.0.1:5", "203.0.113.7, 192.0.2.9, 10.0.0.2"), "192.0.2.9"},
		{"two proxies, a line each", trusted, from("10.0.0.1:5", "203.0.113.7", "192.0.2.9", "10.0.0.2"), "192.0.2.9"},
		{"proxies only", trusted, from("10.0.0.1:5", "10.0.0.3,10.0.0.2"), "10.0.0.3"},
		{"no address", trusted, from("10.0.0.1:5", "192.0.2.9, unknown"), "10.0.0.1"},
		{"no address behind a proxy", trusted, from("10.0.0.1:5", "192.0.2.9, _hidden, 10.0.0.2"), "10.0.0.2"},
		{"empty", trusted, from("10.0.0.1:5", ""), "10.0.0.1"},
		{"empty element", trusted, from("10.0.0.1:5", "192.0.2.9,"), "10.0.0.1"},
		{"with a port", trusted, from("10.0.0.1:5", "192.0.2.9:6"), "192.0.2.9"},
		{"IPv6", trusted, from("[2001:db8:ffff::1]:5", "2001:db8::9"), "2001:db8::9"},
		{"IPv6 with a port", trusted, from("[2001:db8:ffff::1]:5", "[2001:db8::9]:6"), "2001:db8::9"},
		{"IPv4 in IPv6", trusted, from("[::ffff:10.0.0.1]:5", "::ffff:192.0.2.9"), "192.0.2.9"},
		{"with a zone", trusted, from("10.0.0.1:5", "fe80::1%eth0"), "fe80::1"},
		{"no network", trusted, from("pipe", "192.0.2.9"), "::"},
	} {
		if got := tt.proxies.Client(tt.r); got.String() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}

// FuzzClient holds that a client cannot choose its address: what it writes itself
// does not matter if it connects directly, nor in front of what a trusted proxy
// appends, on the same line or the next; and whatever stands there, there is an address.
func FuzzClient(f *testing.F) {
	f.Add("203.0.113.7, 10.0.0.1", "10.0.0.2")
	f.Add(`for="[2001:db8::1]:5";by=`, `"`)
	f.Add("::1%a,,", "\x00,1.2.3.4:99999")
	const direct, appended = "192.0.2.1", "192.0.2.9"
	f.Fuzz(func(t *testing.T, one, two string) {
		check := func(r *http.Request, want string) {
			t.Helper()
			if got := trusted.Client(r); !got.IsValid() || want != "" && got.String() != want {
				t.Fatalf("%q from %s: %v, want %s", r.Header, r.RemoteAddr, got, want)
			}
		}
		check(from(direct+":5", one, two), direct)
		check(from("10.0.0.1:5", one, two+", "+appended), appended)
		check(from("10.0.0.1:5", one, two, appended), appended)
		check(from("10.0.0.1:5", one, two, appended+",10.0.0.2", "10.0.0.3"), appended)
		check(from("10.0.0.1:5", one, two), "")
		check(from(one, two), "")
		if strings.Contains(one, "192.0.2") { // it may be itself
			return
		}
		if got := trusted.Client(from("10.0.0.1:5", one+", unknown")); got.String() != "10.0.0.1" {
			t.Fatalf("%q: %v", one, got)
		}
	})
}
