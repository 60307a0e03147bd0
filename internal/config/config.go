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
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Config is the settings of one server. Embedded in a kong command it is filled
// by kong; [Default] fills it without.
type Config struct {
	read *reading // nil if kong did not fill it

	File string `name:"config" env:"NOTIFIER_CONFIG" placeholder:"FILE" help:"YAML file with any of the settings below."`

	Listen      string   `group:"Listeners" env:"NOTIFIER_LISTEN" default:"127.0.0.1:4001" placeholder:"ADDR" help:"Address for clients (${default})."`
	AdminListen string   `group:"Listeners" env:"NOTIFIER_ADMIN_LISTEN" default:"127.0.0.1:4002" placeholder:"ADDR" help:"Admin address (${default}); \"\" is off."`
	BasePath    string   `group:"Listeners" env:"NOTIFIER_BASE_PATH" placeholder:"/PATH" help:"Path that all routes lie under."`
	TLSCert     string   `group:"Listeners" name:"tls-cert" env:"NOTIFIER_TLS_CERT" placeholder:"FILE" reload:"" help:"Certificate chain: clients connect over TLS."`
	TLSKey      string   `group:"Listeners" name:"tls-key" env:"NOTIFIER_TLS_KEY" placeholder:"FILE" reload:"" help:"Its private key. Both are reloaded as they change."`
	ACMEDomain  []string `group:"Listeners" name:"acme-domain" env:"NOTIFIER_ACME_DOMAIN" placeholder:"NAME" sep:"," help:"Get certificates for this name; repeatable."`
	ACMEEmail   string   `group:"Listeners" name:"acme-email" env:"NOTIFIER_ACME_EMAIL" placeholder:"ADDR" help:"Whom the authority may write to."`
	ACMEURL     string   `group:"Listeners" name:"acme-url" env:"NOTIFIER_ACME_URL" placeholder:"URL" help:"Directory of the authority (Let's Encrypt)."`

	Heartbeat        time.Duration `group:"Streams" env:"NOTIFIER_HEARTBEAT" default:"15s" help:"Silence after which a stream gets a comment."`
	Retry            time.Duration `group:"Streams" env:"NOTIFIER_RETRY" default:"3s" help:"When clients reconnect, ±25 %."`
	Lifetime         time.Duration `group:"Streams" env:"NOTIFIER_LIFETIME" default:"1h" help:"When streams are closed, ±20 %; 0 is never."`
	WriteTimeout     time.Duration `group:"Streams" env:"NOTIFIER_WRITE_TIMEOUT" default:"10s" help:"When a stream that takes nothing is closed."`
	Drain            time.Duration `group:"Streams" env:"NOTIFIER_DRAIN" default:"5s" help:"Time over which a stop closes the streams."`
	AnnouncePresence bool          `group:"Streams" env:"NOTIFIER_ANNOUNCE_PRESENCE" help:"Tell all streams who comes and goes."`

	Data       string        `group:"Events" env:"NOTIFIER_DATA" default:"notifier-data" placeholder:"DIR" help:"Directory of the events (${default}), or: memory."`
	KeepFor    time.Duration `group:"Events" env:"NOTIFIER_KEEP_FOR" default:"24h" help:"Default and largest ttl of an event."`
	KeepEvents int           `group:"Events" env:"NOTIFIER_KEEP_EVENTS" default:"1000" help:"Events kept of one token."`
	KeepBytes  Size          `group:"Events" env:"NOTIFIER_KEEP_BYTES" default:"0" help:"Bytes kept of all events; 0 is 1GiB, in memory 256MiB."`
	KeyWindow  time.Duration `group:"Events" env:"NOTIFIER_KEY_WINDOW" default:"10m" help:"How long idempotency keys are remembered."`

	Auth              string        `group:"Subscribers" env:"NOTIFIER_AUTH" default:"open" placeholder:"MODE" help:"How they prove who they are: open, jwt or introspect."`
	Cookie            string        `group:"Subscribers" env:"NOTIFIER_COOKIE" default:"notifier_token" placeholder:"NAME" help:"Cookie for the token (${default})."`
	AllowOrigin       []string      `group:"Subscribers" env:"NOTIFIER_ALLOW_ORIGIN" placeholder:"ORIGIN" sep:"," reload:"" help:"Origin of pages that may read; repeatable."`
	InsecureOpen      bool          `group:"Subscribers" env:"NOTIFIER_INSECURE_OPEN" help:"Listen beyond loopback without credentials."`
	JWTKey            Secret        `group:"Subscribers" name:"jwt-key" env:"NOTIFIER_JWT_KEY" placeholder:"KEY|@FILE" reload:"" help:"Secret or public keys (PEM) of JWTs."`
	JWKSURL           string        `group:"Subscribers" name:"jwks-url" env:"NOTIFIER_JWKS_URL" placeholder:"URL" help:"Where the public keys of JWTs are published."`
	JWTAlgorithm      []string      `group:"Subscribers" name:"jwt-algorithm" env:"NOTIFIER_JWT_ALGORITHM" placeholder:"ALG" sep:"," help:"Accepted ones, if not those the keys are for."`
	JWTIssuer         string        `group:"Subscribers" name:"jwt-issuer" env:"NOTIFIER_JWT_ISSUER" placeholder:"ISS" help:"Issuer that JWTs must have."`
	JWTAudience       string        `group:"Subscribers" name:"jwt-audience" env:"NOTIFIER_JWT_AUDIENCE" placeholder:"AUD" help:"Audience that JWTs must be for."`
	JWTLeeway         time.Duration `group:"Subscribers" name:"jwt-leeway" env:"NOTIFIER_JWT_LEEWAY" default:"30s" help:"Difference of clocks that is forgiven."`
	JWTClaim          string        `group:"Subscribers" name:"jwt-claim" env:"NOTIFIER_JWT_CLAIM" default:"sub" placeholder:"CLAIM" help:"Claim that is the token (${default})."`
	JWTListClaim      string        `group:"Subscribers" name:"jwt-list-claim" env:"NOTIFIER_JWT_LIST_CLAIM" placeholder:"CLAIM" help:"Claim with more tokens, up to 15."`
	IntrospectURL     string        `group:"Subscribers" env:"NOTIFIER_INTROSPECT_URL" placeholder:"URL" help:"Your endpoint that knows whose a credential is."`
	IntrospectForward []string      `group:"Subscribers" env:"NOTIFIER_INTROSPECT_FORWARD" placeholder:"HEADER" sep:"," help:"Ask with GET and these headers, as Cookie."`
	IntrospectSecret  Secret        `group:"Subscribers" env:"NOTIFIER_INTROSPECT_SECRET" placeholder:"KEY|@FILE" help:"Bearer token to ask with."`
	IntrospectTimeout time.Duration `group:"Subscribers" env:"NOTIFIER_INTROSPECT_TIMEOUT" default:"2s" help:"How long an answer may take."`
	IntrospectCache   time.Duration `group:"Subscribers" env:"NOTIFIER_INTROSPECT_CACHE" default:"10s" help:"How long an answer is good."`

	APIKey     []string      `group:"Publishers" name:"api-key" env:"NOTIFIER_API_KEY" placeholder:"NAME=HASH" sep:"," reload:"" secret:"" help:"Who may publish; see: notifier key new. Repeatable."`
	APIKeys    string        `group:"Publishers" name:"api-keys" env:"NOTIFIER_API_KEYS" placeholder:"FILE" reload:"" help:"YAML file of keys with rights, prefixes and rates."`
	JWTPublish bool          `group:"Publishers" name:"jwt-publish" env:"NOTIFIER_JWT_PUBLISH" help:"JWTs with the scopes for it may publish too."`
	TicketKey  Secret        `group:"Publishers" env:"NOTIFIER_TICKET_KEY" placeholder:"KEY|@FILE" help:"Signs tickets, if not a key made by itself."`
	TicketTTL  time.Duration `group:"Publishers" name:"ticket-ttl" env:"NOTIFIER_TICKET_TTL" default:"1m" help:"Default and largest ttl of a ticket."`

	StreamsPerToken int           `group:"Limits" env:"NOTIFIER_STREAMS_PER_TOKEN" default:"20" reload:"" help:"Open streams of one token; 0 is no limit."`
	StreamsPerIP    int           `group:"Limits" name:"streams-per-ip" env:"NOTIFIER_STREAMS_PER_IP" default:"0" reload:"" help:"Open streams of one IP address; 0 is no limit."`
	MaxStreams      int           `group:"Limits" env:"NOTIFIER_MAX_STREAMS" default:"0" reload:"" help:"Open streams in all; 0 is no limit."`
	ConnectRate     int           `group:"Limits" env:"NOTIFIER_CONNECT_RATE" default:"10" reload:"" help:"Streams opened a second per token; 0 is no limit."`
	PublishRate     int           `group:"Limits" env:"NOTIFIER_PUBLISH_RATE" default:"0" reload:"" help:"Publications a second per key; 0 is no limit."`
	TokenRate       int           `group:"Limits" env:"NOTIFIER_TOKEN_RATE" default:"0" reload:"" help:"Publications a second per token; 0 is no limit."`
	TrustedProxy    []string      `group:"Limits" env:"NOTIFIER_TRUSTED_PROXY" placeholder:"CIDR" sep:"," reload:"" help:"Whose X-Forwarded-For is believed; repeatable."`
	RequestTimeout  time.Duration `group:"Limits" env:"NOTIFIER_REQUEST_TIMEOUT" default:"30s" help:"How long a request may take to arrive."`
	MaxBody         Size          `group:"Limits" env:"NOTIFIER_MAX_BODY" default:"1MiB" help:"Largest publication."`
	MaxBatch        Size          `group:"Limits" env:"NOTIFIER_MAX_BATCH" default:"16MiB" help:"Largest batch of publications."`

	LogLevel   slog.Level `group:"Observing" env:"NOTIFIER_LOG_LEVEL" default:"info" reload:"" help:"debug, info, warn or error."`
	LogFormat  string     `group:"Observing" env:"NOTIFIER_LOG_FORMAT" default:"text" placeholder:"${default}" help:"text or json."`
	AccessLog  string     `group:"Observing" env:"NOTIFIER_ACCESS_LOG" default:"publishes" placeholder:"WHAT" reload:"" help:"Log a line for: off, publishes or all requests."`
	OTLPURL    string     `group:"Observing" name:"otlp-url" env:"NOTIFIER_OTLP_URL" placeholder:"URL" help:"Collector that traces are sent to (OTLP/HTTP)."`
	TraceRatio float64    `group:"Observing" env:"NOTIFIER_TRACE_RATIO" default:"1" help:"Part of the publications that is traced."`
}

// A Secret is a setting that is never shown: the secret itself, or @ and the name
// of a file that holds it, which keeps it out of the process list.
type Secret string

// String does not give it away.
func (s Secret) String() string {
	if s == "" || s[0] == '@' {
		return string(s)
	}
	return "(hidden)"
}

// Read is the secret, from its file if it names one; white space around it is not
// part of it. "" is none.
func (s Secret) Read() (string, error) {
	name, inFile := strings.CutPrefix(string(s), "@")
	if !inFile {
		return string(s), nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(b))
	if secret == "" {
		return "", fmt.Errorf("%s is empty", name)
	}
	return secret, nil
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
