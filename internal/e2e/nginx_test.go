package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"notifier/internal/config"
	"notifier/internal/nodetest"
	"notifier/internal/ssetest"
)

// A proxied is one way to put nginx in front of a node.
type proxied struct {
	*nodetest.Node
	Name   string
	Listen string // where nginx does
	Pass   string // where it passes requests to
	HTTP   string // directives that choose the version; without any it is 1.0
}

// nginxConf turns buffering neither on nor off: it is on.
var nginxConf = template.Must(template.New("").Parse(`
master_process off;
pid {{.Dir}}/pid;
events {}
http {
  access_log off;
  client_body_temp_path {{.Dir}}/body;
  proxy_temp_path {{.Dir}}/proxy;
  fastcgi_temp_path {{.Dir}}/fastcgi;
  uwsgi_temp_path {{.Dir}}/uwsgi;
  scgi_temp_path {{.Dir}}/scgi;
  {{- range .Servers}}
  server {
    listen {{.Listen}};
    location /ws/ {
      proxy_pass {{.Pass}};
      {{.HTTP}}
    }
  }
  {{- end}}
}
`))

// TestNginx puts nginx with its defaults in front: events must not wait in its
// buffers, and a restart of it must not lose any.
func TestNginx(t *testing.T) {
	t.Parallel()
	path := program(t, "nginx", "/usr/sbin/nginx")
	const keepAlive = `proxy_http_version 1.1; proxy_set_header Connection "";`
	retry := func(c *config.Config) { c.Retry, c.InsecureOpen = 100*time.Millisecond, true }
	below := nodetest.Start(t, retry, func(c *config.Config) { c.BasePath = "/ws" })
	plain := nodetest.Start(t, retry)
	servers := []proxied{
		{Node: below, Name: "passed/1.0", Pass: "http://" + below.Addr()},
		{Node: below, Name: "passed/1.1", Pass: "http://" + below.Addr(), HTTP: keepAlive},
		{Node: plain, Name: "stripped/1.0", Pass: "http://" + plain.Addr() + "/"},
		{Node: plain, Name: "stripped/1.1", Pass: "http://" + plain.Addr() + "/", HTTP: keepAlive},
	}
	for i := range servers {
		servers[i].Listen = freeAddr(t)
	}
	conf := writeNginxConf(t, servers)
	nginx := startNginx(t, path, conf, servers)

	subscribers := make([]*subscriber, len(servers))
	want := make([][]ssetest.Event, len(servers))
	for i, s := range servers {
		subscribers[i] = subscribe(t, s.front()+"/events?token="+s.Name)
		eventually(t, s.Name+": the stream is open", func() bool { return subscribers[i].connections() == 1 })
		for n := range 3 {
			want[i] = append(want[i], publishNamed(t, s.front(), s.Name, n))
			eventually(t, s.Name+": an event comes at once", func() bool { return len(subscribers[i].seen()) == n+1 })
		}
	}

	nginx.cmd.Process.Signal(syscall.SIGTERM)
	<-nginx.exited
	for i, s := range servers {
		want[i] = append(want[i], publishNamed(t, s.URL, s.Name, 3), publishNamed(t, s.URL, s.Name, 4))
	}
	startNginx(t, path, conf, servers)
	for i, s := range servers {
		eventually(t, s.Name+": it is back", func() bool { return subscribers[i].connections() == 2 })
		want[i] = append(want[i], publishNamed(t, s.front(), s.Name, 5))
		eventually(t, s.Name+": everything has come", func() bool { return len(subscribers[i].seen()) >= len(want[i]) })
		checkSeen(t, s.Name, subscribers[i].seen(), want[i])
	}
}

// front is what clients take for the node's address.
func (p *proxied) front() string { return "http://" + p.Listen + "/ws" }

func publishNamed(t *testing.T, base, token string, n int) ssetest.Event {
	t.Helper()
	p := publication{Tokens: []string{token}, Event: "n", Data: n}
	return ssetest.Event{Type: p.Event, Data: p.wire(), ID: publish(t, base, p).ID}
}

func writeNginxConf(t *testing.T, servers []proxied) string {
	t.Helper()
	dir := t.TempDir()
	var text strings.Builder
	if err := nginxConf.Execute(&text, map[string]any{"Dir": dir, "Servers": servers}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func startNginx(t *testing.T, path, conf string, servers []proxied) *child {
	t.Helper()
	c := start(t, path, "-c", conf, "-g", "daemon off; error_log stderr;")
	for _, s := range servers {
		eventually(t, fmt.Sprintf("nginx serves %s", s.Name), func() bool { return isOK(s.front() + "/readyz") })
	}
	return c
}

// startNginxWith starts nginx with the text as its http block.
func startNginxWith(t *testing.T, path, http string) *child {
	t.Helper()
	conf := strings.ReplaceAll("pid DIR/pid; events {}\nhttp { access_log off; client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;\n", "DIR", t.TempDir())
	return start(t, path, "-c", writeConf(t, "nginx.conf", conf+http+"}\n"), "-g", "daemon off; master_process off; error_log stderr;")
}
