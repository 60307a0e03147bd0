package config

import (
	"cmp"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	kib = Size(1 << 10)
	mib = Size(1 << 20)
	gib = Size(1 << 30)

	year = 365 * 24 * time.Hour
)

var (
	basePath   = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)
	dots       = regexp.MustCompile(`/\.{1,2}(/|$)`)
	cookieName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]*$")
)

func within[T cmp.Ordered](m *mistakes, setting string, value, least, most T) {
	if cmp.Compare(value, least) < 0 || cmp.Compare(value, most) > 0 { // no number is below all
		m.add(setting, "%v must be between %v and %v", value, least, most)
	}
}

func notNegative(m *mistakes, setting string, value int) {
	if value < 0 {
		m.add(setting, "%d must not be negative", value)
	}
}

// Validate says everything that is wrong with the settings, each by name and with
// the place it is from; nil if nothing is. What was found reading them is part of
// it. It also gives BasePath its form: "" or, as "/ws", a slash before and
// none behind. kong calls it for a Config that is embedded in a command.
func (c *Config) Validate() error {
	var m mistakes
	c.checkAddresses(&m)
	c.checkTLS(&m)
	c.checkStreams(&m)
	c.checkEvents(&m)
	c.checkAccess(&m)
	c.checkAuth(&m)
	c.checkLimits(&m)
	c.checkObserving(&m)
	c.checkIntrospection(&m)
	c.checkTickets(&m)
	within(&m, "drain", c.Drain, 0, 10*time.Minute)
	return c.together(m)
}

func (c *Config) checkAddresses(m *mistakes) {
	checkAddress(m, "listen", c.Listen)
	if c.AdminListen != "" {
		checkAddress(m, "admin-listen", c.AdminListen)
	}
	if _, port, _ := net.SplitHostPort(c.Listen); c.Listen == c.AdminListen && port != "0" {
		m.add("admin-listen", "must not be the address of listen")
	}
	if c.BasePath = strings.Trim(c.BasePath, "/"); c.BasePath != "" {
		c.BasePath = "/" + c.BasePath
	}
	if !basePath.MatchString(c.BasePath) || dots.MatchString(c.BasePath) {
		m.add("base-path", "%q must be like /ws or /a/b: parts of letters, digits, '-', '.', '_' and '~', and none '.' or '..'", c.BasePath)
	}
}

func checkAddress(m *mistakes, setting, addr string) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		m.add(setting, "%q must be host:port, as 127.0.0.1:4001 or [::1]:4001", addr)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		m.add(setting, "%q must have a port from 0 to 65535", addr)
	}
}

func (c *Config) checkStreams(m *mistakes) {
	within(m, "heartbeat", c.Heartbeat, time.Second, time.Hour)
	within(m, "retry", c.Retry, 100*time.Millisecond, time.Hour)
	if c.Lifetime != 0 {
		within(m, "lifetime", c.Lifetime, time.Second, year)
	}
	within(m, "write-timeout", c.WriteTimeout, 100*time.Millisecond, 10*time.Minute)
}

func (c *Config) checkEvents(m *mistakes) {
	if c.Data == "" {
		m.add("data", "must be a directory, or memory")
	}
	within(m, "max-body", c.MaxBody, kib, 64*mib)
	within(m, "max-batch", c.MaxBatch, c.MaxBody, gib)
	within(m, "keep-for", c.KeepFor, time.Second, year)
	within(m, "keep-events", c.KeepEvents, 1, 1_000_000_000)
	if c.KeepBytes != 0 {
		within(m, "keep-bytes", c.KeepBytes, max(mib, c.MaxBody), 1024*gib)
	}
	within(m, "key-window", c.KeyWindow, time.Second, year)
}
