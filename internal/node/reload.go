package node

import "notifier/internal/config"

// A reload prepares what a new configuration changes in one concern, and returns
// what puts it into effect, which cannot fail: so a configuration is taken over as
// a whole or not at all.
type reload func(config.Config) (apply func(), err error)

// reloads are the concerns that can change at run time. The settings that they
// read have the tag reload.
func (n *Node) reloads() []reload {
	return []reload{n.reloadTLS, n.reloadJWT, n.reloadPublishers, n.reloadOrigins, n.reloadLimits, n.reloadAccessLog, n.reloadLogLevel}
}

// switches are what cannot be turned on or off at run time, only changed, by the
// settings that do it.
var switches = map[string]func(*config.Config) bool{
	"tls-cert": func(c *config.Config) bool { return c.TLSCert != "" },
	"tls-key":  func(c *config.Config) bool { return c.TLSKey != "" },
	"jwt-key":  func(c *config.Config) bool { return c.JWTKey != "" },
	"api-key":  (*config.Config).HasPublishers,
	"api-keys": (*config.Config).HasPublishers,
}

// Reload takes over what can change at run time, and what is now in the files that
// those settings name. The log names every other setting that differs from what the
// node runs with: it waits for a restart. After an error everything is as it was.
// It may be called concurrently, and before and after Run.
func (n *Node) Reload(cfg config.Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	n.reloading.Lock()
	defer n.reloading.Unlock()
	var fixed []string
	for setting, on := range switches {
		if on(&n.running) != on(&cfg) {
			fixed = append(fixed, setting)
		}
	}
	now, changed, restart := config.Reload(n.running, cfg, fixed...)
	var apply []func()
	for _, prepare := range n.reloads() {
		f, err := prepare(now)
		if err != nil {
			return err
		}
		apply = append(apply, f)
	}
	// Before, as the log may say less from then on.
	n.log.Info("the settings were read again", "changed", names(changed))
	if len(restart) > 0 {
		n.log.Warn("settings that differ need a restart", "settings", names(restart))
	}
	for _, f := range apply {
		f()
	}
	n.running = now
	return nil
}

func names(settings []config.Setting) []string {
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.Name
	}
	return names
}
