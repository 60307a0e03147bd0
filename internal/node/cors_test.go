package node

import (
	"testing"

	"notifier/internal/config"
)

func TestTrusts(t *testing.T) {
	local := config.Default()
	named := config.Config{Auth: "jwt", AllowOrigin: []string{"https://app.example.com", "https://*.shop.example:8443"}}
	for _, c := range []struct {
		cfg    config.Config
		origin string
		want   bool
	}{
		{local, "http://localhost:3000", true},
		{local, "https://LOCALHOST", true},
		{local, "http://127.0.0.1", true},
		{local, "http://127.1.2.3:80", true},
		{local, "http://[::1]:5173", true},
		{local, "http://app.localhost", true},
		{local, "http://localhost.example", false},
		{local, "http://notlocalhost", false},
		{local, "http://127.0.0.1.example", false},
		{local, "http://0.0.0.0", false},
		{local, "http://user@localhost", false},
		{local, "http://localhost/", false},
		{local, "localhost", false},
		{local, "null", false},
		{local, "", false},
		{local, "https://app.example.com", false},

		{named, "https://app.example.com", true},
		{named, "http://app.example.com", false},
		{named, "https://app.example.com:443", false},
		{named, "https://app.example.com.", false},
		{named, "https://xapp.example.com", false},
		{named, "https://a.shop.example:8443", true},
		{named, "https://a.b.shop.example:8443", true},
		{named, "https://shop.example:8443", false},
		{named, "https://.shop.example:8443", false},
		{named, "https://xshop.example:8443", false},
		{named, "https://a.shop.example", false},
		{named, "http://a.shop.example:8443", false},
		{named, "https://evil.example/.shop.example:8443", false},
		{named, "https://evil.example:1.shop.example:8443", false},
		{named, "https://evil@a.shop.example:8443", false},
		{named, "https://*.shop.example:8443", true}, // no browser has it
		{named, "http://localhost:3000", false},
		{named, "null", false},
	} {
		n := &Node{cfg: c.cfg}
		n.origins.Store(&c.cfg.AllowOrigin)
		if got := n.trusts(c.origin); got != c.want {
			t.Errorf("%q: %v, want %v", c.origin, got, c.want)
		}
	}
}
