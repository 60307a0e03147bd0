package config

import "net/url"

func (c *Config) checkObserving(m *mistakes) {
	if c.LogFormat != "text" && c.LogFormat != "json" {
		m.add("log-format", "%q must be text or json", c.LogFormat)
	}
	if c.OTLPURL != "" && !isCollector(c.OTLPURL) {
		m.add("otlp-url", "must be like http://127.0.0.1:4318 or https://otlp.example.com/v1/traces, without a password, ? or #")
	}
	within(m, "trace-ratio", c.TraceRatio, 0, 1)
}

// isCollector leaves out what would end in a log with the URL.
func isCollector(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}
