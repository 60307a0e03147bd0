package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"notifier/internal/config"
	"notifier/internal/doctor"
	"notifier/internal/nodetest"
)

// An illness is something wrong with a proxy, and what must be found of it.
type illness struct {
	name      string
	edit      []string      // pairs: a text of the healthy configuration, and what it becomes
	heartbeat time.Duration // of the server; 1s if it is 0
	check     string        // "": nothing is wrong
	level     doctor.Level
	text      string // part of the finding's
	advice    string // part of it
	with      string // another check that it makes fail
}

// origin is of a page that reads the streams.
const origin = "http://page.example"

// healthy is what the documented configuration must be found to be.
var healthy = illness{name: "healthy"}

// examine puts a proxy with an illness in front of a node and holds what the
// doctor says against it. begin starts the proxy with a configuration.
func examine(t *testing.T, file string, known string, sick illness, begin func(t *testing.T, conf string)) {
	t.Helper()
	node := nodetest.Start(t, func(c *config.Config) {
		c.BasePath = "/ws"
		c.InsecureOpen = true // or it would refuse what a proxy passes on
		c.AllowOrigin = []string{"http://page.example"}
		c.Heartbeat = max(sick.heartbeat, time.Second)
		c.AllowOrigin = []string{origin}
		c.InsecureOpen = true
	})
	addr := freeAddr(t)
	begin(t, proxyConf(t, file, addr, node.Addr(), sick.edit))
	front := &url.URL{Scheme: "http", Host: addr, Path: "/ws"}
	eventually(t, "the proxy serves", func() bool { return isOK(front.JoinPath("readyz").String()) })

	var all []doctor.Finding
	doctor.Examine(t.Context(), doctor.Config{
		URL: front, Origin: origin, Wait: 1500 * time.Millisecond, Idle: 2500 * time.Millisecond,
	}, func(f doctor.Finding) { all = append(all, f) })
	judge(t, all, known, sick)
}

// judge holds what was found against what is wrong: that, and nothing else.
func judge(t *testing.T, all []doctor.Finding, known string, sick illness) {
	t.Helper()
	found := sick.check == ""
	for _, f := range all {
		t.Logf("%+v", f)
		switch {
		case f.Check == "proxy" && !strings.HasPrefix(f.Text, known):
			t.Errorf("it is %s, and was taken for: %s", known, f.Text)
		case f.Check == sick.check && f.Level == sick.level && strings.Contains(f.Text, sick.text):
			found = true
			if len(f.Advice) != 1 || f.Advice[0].Proxy != known || !strings.Contains(f.Advice[0].Text, sick.advice) {
				t.Errorf("advice %+v\nwant one with %q", f.Advice, sick.advice)
			}
		case f.Level == doctor.OK, f.Level == doctor.Note, f.Check == sick.with:
		case f.Check == "version": // there is no TLS
		default:
			t.Errorf("not expected: %+v", f)
		}
	}
	if !found {
		t.Errorf("not found: %s %q", sick.check, sick.text)
	}
	if len(all) < 3 {
		t.Errorf("only %d findings", len(all))
	}
}

// proxyConf is the documented configuration, with other addresses and edited.
func proxyConf(t *testing.T, file, listen, pass string, edit []string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../deploy/proxies", file))
	if err != nil {
		t.Fatal(err)
	}
	conf := string(b)
	for i := 0; i < len(edit); i += 2 {
		if !strings.Contains(conf, edit[i]) {
			t.Fatalf("%s: no %q", file, edit[i])
		}
		conf = strings.Replace(conf, edit[i], edit[i+1], 1)
	}
	conf = strings.ReplaceAll(conf, "127.0.0.1:4001", pass)
	return strings.NewReplacer("*:80>", listen+">", ":80", listen, "listen 80;", "listen "+listen+";").Replace(conf)
}

func writeConf(t *testing.T, name, conf string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDoctorBehindNginx(t *testing.T) {
	t.Parallel()
	path := program(t, "nginx", "/usr/sbin/nginx")
	const inLocation = "client_max_body_size 16m;"
	for _, sick := range []illness{
		healthy,
		{name: "server's header alone keeps it from buffering", edit: []string{"proxy_buffering off;", ""}},
		{
			name:  "buffering",
			edit:  []string{"proxy_buffering off;", "proxy_ignore_headers X-Accel-Buffering;", "proxy_http_version 1.1;", ""},
			with:  "upstream", // nginx lets chunks pass, which HTTP/1.0 does not have
			check: "buffering", level: doctor.Problem, text: "holds back", advice: "proxy_buffering off;",
		},
		{
			name:  "gzip",
			edit:  []string{inLocation, "gzip on; gzip_types text/event-stream; gzip_min_length 0; gzip_proxied any;"},
			check: "compression", level: doctor.Warning, text: "gzip", advice: "gzip off;",
		},
		{
			name: "idle timeout", heartbeat: 10 * time.Second,
			edit:  []string{"proxy_read_timeout 60s;", "proxy_read_timeout 2s;"},
			check: "idle", level: doctor.Problem, text: "of silence", advice: "proxy_read_timeout",
		},
		{
			name:  "HTTP/1.0",
			edit:  []string{"proxy_http_version 1.1;", ""},
			check: "upstream", level: doctor.Warning, text: "HTTP/1.0", advice: "proxy_http_version 1.1;",
		},
		{
			name:  "Last-Event-ID stripped",
			edit:  []string{inLocation, `proxy_set_header Last-Event-ID "";`},
			check: "resume", level: doctor.Problem, text: "Last-Event-ID does not reach", advice: "Last-Event-ID",
		},
		{
			name:  "query dropped",
			edit:  []string{inLocation, `set $args "control=1";`},
			check: "resume", level: doctor.Problem, text: "query does not reach", advice: "$is_args$args",
		},
		{
			name:  "Cache-Control changed",
			edit:  []string{inLocation, `proxy_hide_header Cache-Control; add_header Cache-Control "public";`},
			check: "headers", level: doctor.Warning, text: `Cache-Control is "public"`, advice: "add_header",
		},
		{
			name:  "charset added",
			edit:  []string{inLocation, "charset utf-8; charset_types text/event-stream; override_charset on;"},
			check: "headers", level: doctor.Problem, text: "text/event-stream; charset=utf-8", advice: "charset",
		},
		{
			name:  "POST forbidden",
			edit:  []string{inLocation, "limit_except GET OPTIONS { deny all; }"},
			with:  "end", // DELETE is forbidden, too
			check: "publish", level: doctor.Problem, text: "403", advice: "limit_except",
		},
		{
			name:  "hang-ups ignored",
			edit:  []string{inLocation, "proxy_ignore_client_abort on;"},
			check: "hang-up", level: doctor.Note, text: "as something is sent", advice: "proxy_ignore_client_abort",
		},
		{
			name:  "CORS doubled",
			edit:  []string{inLocation, "add_header Access-Control-Allow-Origin *;"},
			check: "origin", level: doctor.Problem, text: "several", advice: "add_header",
		},
	} {
		t.Run(sick.name, func(t *testing.T) {
			t.Parallel()
			examine(t, "nginx.conf", "nginx", sick, func(t *testing.T, conf string) {
				startNginxWith(t, path, conf)
			})
		})
	}
}

func TestDoctorBehindHAProxy(t *testing.T) {
	t.Parallel()
	path := program(t, "haproxy", "/usr/sbin/haproxy")
	const inBackend = "option forwardfor"
	for _, sick := range []illness{
		healthy,
		{
			name:  "delay",
			edit:  []string{"option http-no-delay", ""},
			check: "buffering", level: doctor.Warning, text: "later than its publisher", advice: "option http-no-delay",
		},
		{
			name:  "buffering",
			edit:  []string{inBackend, "http-response wait-for-body time 60s"},
			check: "buffering", level: doctor.Problem, text: "holds back", advice: "wait-for-body",
		},
		{
			name: "idle timeout", heartbeat: 10 * time.Second,
			edit:  []string{"timeout server 60s", "timeout server 2s"},
			check: "idle", level: doctor.Problem, text: "of silence", advice: "timeout server",
		},
		{
			name:  "Last-Event-ID stripped",
			edit:  []string{inBackend, "http-request del-header Last-Event-ID"},
			check: "resume", level: doctor.Problem, text: "Last-Event-ID does not reach", advice: "del-header",
		},
		{
			name:  "query dropped",
			edit:  []string{inBackend, "http-request set-query control=1"},
			check: "resume", level: doctor.Problem, text: "query does not reach", advice: "set-query",
		},
		{
			name:  "charset added",
			edit:  []string{inBackend, `http-response set-header Content-Type "text/event-stream; charset=utf-8" if { res.hdr(Content-Type) text/event-stream }`},
			check: "headers", level: doctor.Problem, text: "charset=utf-8", advice: "set-header",
		},
		{
			name:  "POST forbidden",
			edit:  []string{inBackend, "http-request deny if METH_POST"},
			check: "publish", level: doctor.Problem, text: "403", advice: "POST",
		},
	} {
		t.Run(sick.name, func(t *testing.T) {
			t.Parallel()
			examine(t, "haproxy.cfg", "HAProxy", sick, func(t *testing.T, conf string) {
				start(t, path, "-db", "-f", writeConf(t, "haproxy.cfg", conf))
			})
		})
	}
}

func TestDoctorBehindCaddy(t *testing.T) {
	t.Parallel()
	path := program(t, "caddy")
	for _, sick := range []illness{
		healthy,
		{
			name:  "gzip",
			edit:  []string{"encode @page gzip", "encode {\n gzip\n minimum_length 1\n match header Content-Type text/*\n }"},
			check: "compression", level: doctor.Problem, text: "stay in the proxy's compressor (gzip)", advice: "encode @page",
		},
		{
			name:  "hang-ups ignored",
			edit:  []string{"127.0.0.1:4001", "127.0.0.1:4001 {\n flush_interval -1\n }"},
			check: "hang-up", level: doctor.Note, text: "as something is sent", advice: "flush_interval",
		},
		{
			name:  "Last-Event-ID stripped",
			edit:  []string{"127.0.0.1:4001", "127.0.0.1:4001 {\n header_up -Last-Event-ID\n }"},
			check: "resume", level: doctor.Problem, text: "Last-Event-ID does not reach", advice: "header_up",
		},
	} {
		t.Run(sick.name, func(t *testing.T) {
			t.Parallel()
			examine(t, "Caddyfile", "Caddy", sick, func(t *testing.T, conf string) {
				conf = "{\n admin off\n auto_https off\n}\nhttp://" + strings.Replace(conf[strings.Index(conf, "127.0.0.1"):], "{", "{\n bind 127.0.0.1", 1)
				// Caddy wants a home even if it keeps nothing of worth there.
				start(t, "/usr/bin/env", "HOME="+t.TempDir(), path, "run", "--adapter", "caddyfile", "--config", writeConf(t, "Caddyfile", conf))
			})
		})
	}
}

func TestDoctorBehindApache(t *testing.T) {
	t.Parallel()
	path := program(t, "apache2", "/usr/sbin/apache2")
	for _, sick := range []illness{
		healthy,
		{
			name:  "gzip",
			edit:  []string{"SetEnvIfNoCase Request_URI", "AddOutputFilterByType DEFLATE text/event-stream\n#"},
			check: "compression", level: doctor.Warning, text: "gzip", advice: "no-gzip",
		},
		{
			name:  "HTTP/1.0",
			edit:  []string{"ProxyAddHeaders On", "SetEnv force-proxy-request-1.0 1"},
			check: "upstream", level: doctor.Warning, text: "HTTP/1.0", advice: "force-proxy-request-1.0",
		},
		{
			name: "idle timeout", heartbeat: 10 * time.Second,
			edit:  []string{"timeout=60", "timeout=2"},
			check: "idle", level: doctor.Problem, text: "of silence", advice: "timeout=3600",
		},
	} {
		t.Run(sick.name, func(t *testing.T) {
			t.Parallel()
			examine(t, "apache.conf", "Apache", sick, func(t *testing.T, conf string) {
				startApache(t, path, conf)
			})
		})
	}
}

// startApache starts it with the modules that it needs, as Debian installs them.
func startApache(t *testing.T, path, conf string) {
	t.Helper()
	var whole strings.Builder
	for _, m := range []string{"mpm_event", "authz_core", "env", "setenvif", "proxy", "proxy_http", "filter", "deflate"} {
		fmt.Fprintf(&whole, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", m, m)
	}
	dir := t.TempDir()
	fmt.Fprintf(&whole, "ServerName localhost\nDefaultRuntimeDir %s\nPidFile %s/pid\nErrorLog /dev/stderr\nStartServers 1\nListen %s\n%s", dir, dir, listenOf(conf), conf)
	start(t, path, "-DFOREGROUND", "-f", writeConf(t, "apache.conf", whole.String()))
}

// listenOf is the address of the virtual host.
func listenOf(conf string) string {
	_, addr, _ := strings.Cut(conf, "<VirtualHost ")
	addr, _, _ = strings.Cut(addr, ">")
	return addr
}

// TestProxiesPage holds that the documented configurations are the tried ones.
func TestProxiesPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/proxies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"nginx.conf", "haproxy.cfg", "Caddyfile", "apache.conf"} {
		conf, err := os.ReadFile(filepath.Join("../../deploy/proxies", file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(page), "\n"+string(conf)+"```\n") {
			t.Errorf("docs/proxies.md does not have deploy/proxies/%s as it is", file)
		}
	}
}
