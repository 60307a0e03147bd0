package config

import "testing"

func TestACMEDomain(t *testing.T) {
	for name, good := range map[string]bool{
		"example.com": true, "a.b-c.example.com": true, "Events.Example.COM": true, "xn--bcher-kva.example": true, "a.xn--p1ai": true,
		"": false, "localhost": false, "*.example.com": false, "example.com.": false, "-a.example.com": false, "a..example.com": false,
		"10.0.0.1": false, "[::1]": false, "example.com:443": false, "https://example.com": false, "bücher.example": false,
	} {
		c := Default()
		c.ACMEDomain = []string{name}
		if err := c.Validate(); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
