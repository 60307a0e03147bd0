// Package config declares every setting of the server, once: the tags of [Config]
// are the flag, the environment variable, the key in the file, the default and
// the help. It reads them, refuses what it does not know, and says what is wrong;
// it acts on none of them.
//
// A flag goes before the environment, the environment before the file, the file
// before the default. A name that nobody declared is a mistake wherever it stands:
// a setting with a typing error in it must not be silently without effect.
package config

import (
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/alecthomas/kong"
)

// Config is the settings of one server. Embedded in a kong command it is filled
// by kong; [Default] fills it without.
type Config struct {
	File string `name:"config" env:"NOTIFIER_CONFIG" placeholder:"FILE" help:"YAML file with any of the settings below."`

	Listen      string `env:"NOTIFIER_LISTEN" default:"127.0.0.1:4001" placeholder:"ADDR" help:"Address for clients (${default})."`
	AdminListen string `env:"NOTIFIER_ADMIN_LISTEN" default:"127.0.0.1:4002" placeholder:"ADDR" help:"Admin address (${default}); \"\" is off."`
	BasePath    string `env:"NOTIFIER_BASE_PATH" placeholder:"/PATH" help:"Path that all routes lie under."`
	TLSCert     string `name:"tls-cert" env:"NOTIFIER_TLS_CERT" placeholder:"FILE" help:"Certificate chain: clients connect over TLS."`
	TLSKey      string `name:"tls-key" env:"NOTIFIER_TLS_KEY" placeholder:"FILE" help:"Its private key. Both are reloaded as they change."`
	Data        string `env:"NOTIFIER_DATA" default:"notifier-data" placeholder:"DIR" help:"Directory of the events (${default}), or: memory."`

	Heartbeat       time.Duration `env:"NOTIFIER_HEARTBEAT" default:"15s" help:"Silence after which a stream gets a comment."`
	Retry           time.Duration `env:"NOTIFIER_RETRY" default:"3s" help:"When clients reconnect, ±25 %."`
	Lifetime        time.Duration `env:"NOTIFIER_LIFETIME" default:"1h" help:"When streams are closed, ±20 %; 0 is never."`
	WriteTimeout    time.Duration `env:"NOTIFIER_WRITE_TIMEOUT" default:"10s" help:"When a stream that takes nothing is closed."`
	StreamsPerToken int           `env:"NOTIFIER_STREAMS_PER_TOKEN" default:"20" help:"Open streams of one token; 0 is no limit."`
	MaxStreams      int           `env:"NOTIFIER_MAX_STREAMS" default:"0" help:"Open streams in all; 0 is no limit."`

	MaxBody    Size          `env:"NOTIFIER_MAX_BODY" default:"1MiB" help:"Largest publication."`
	MaxBatch   Size          `env:"NOTIFIER_MAX_BATCH" default:"16MiB" help:"Largest batch of publications."`
	KeepFor    time.Duration `env:"NOTIFIER_KEEP_FOR" default:"24h" help:"Default and largest ttl of an event."`
	KeepEvents int           `env:"NOTIFIER_KEEP_EVENTS" default:"1000" help:"Events kept of one token."`
	KeepBytes  Size          `env:"NOTIFIER_KEEP_BYTES" default:"0" help:"Bytes kept of all events; 0 is 1GiB, in memory 256MiB."`
	KeyWindow  time.Duration `env:"NOTIFIER_KEY_WINDOW" default:"10m" help:"How long idempotency keys are remembered."`

	AnnouncePresence bool     `env:"NOTIFIER_ANNOUNCE_PRESENCE" help:"Tell all streams who comes and goes."`
	AllowOrigin      []string `env:"NOTIFIER_ALLOW_ORIGIN" placeholder:"ORIGIN" sep:"," help:"Origin of pages that may read; repeatable."`
	Cookie           string   `env:"NOTIFIER_COOKIE" default:"notifier_token" placeholder:"NAME" help:"Cookie for the token (${default})."`
	InsecureOpen     bool     `env:"NOTIFIER_INSECURE_OPEN" help:"Listen beyond loopback without credentials."`

	Drain     time.Duration `env:"NOTIFIER_DRAIN" default:"5s" help:"Time over which a stop closes the streams."`
	LogLevel  slog.Level    `env:"NOTIFIER_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	LogFormat string        `env:"NOTIFIER_LOG_FORMAT" default:"text" placeholder:"${default}" help:"text or json."`
}

// Default is the configuration with nothing set, whatever the environment says.
func Default() Config {
	var c Config
	for _, f := range kong.Must(&c, kong.NoDefaultHelp()).Model.Flags {
		if !f.HasDefault {
			continue
		}
		if err := f.Parse(scan(f.Default), f.Target); err != nil {
			panic(err) // a default that does not parse is a mistake in a tag
		}
	}
	return c
}

// Memory is the value of Data for keeping events in memory only.
const Memory = "memory"

// Development reports whether only this machine can reach the server and no
// credential is configured, which no setting can do yet: then pages of any
// origin may read, and the demo page is served.
func (c *Config) Development() bool {
	return isLoopback(c.Listen) && (c.AdminListen == "" || isLoopback(c.AdminListen))
}

// isLoopback reports whether only this machine can reach a listener at addr. An
// empty host is every address of the machine.
func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
