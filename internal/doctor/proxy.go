package doctor

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// A proxy is a product that there is advice for.
type proxy string

// The products.
const (
	nginx      proxy = "nginx"
	haproxy    proxy = "HAProxy"
	caddy      proxy = "Caddy"
	apache     proxy = "Apache"
	alb        proxy = "ALB"
	cloudflare proxy = "Cloudflare"
)

// products is all of them, in the order of the advice.
var products = []proxy{nginx, haproxy, caddy, apache, alb, cloudflare}

// signs are what tells a product: a header that it sends, and what is in it, in
// small letters.
var signs = []struct {
	proxy       proxy
	header, has string
}{
	{nginx, "Server", "nginx"},
	{nginx, "Server", "openresty"},
	{haproxy, "Server", "haproxy"},
	{haproxy, "Via", "haproxy"},
	{caddy, "Server", "caddy"},
	{caddy, "Via", "caddy"},
	{apache, "Server", "apache"},
	{apache, "Via", "apache"},
	{alb, "Server", "awselb"},
	{alb, "Set-Cookie", "awsalb"},
	{cloudflare, "Server", "cloudflare"},
	{cloudflare, "Cf-Ray", ""},
}

// recognize is the products whose signs are in an answer's header.
func recognize(h http.Header) (found []proxy) {
	for _, p := range products {
		for _, s := range signs {
			if s.proxy == p && has(h, s.header, s.has) {
				found = append(found, p)
				break
			}
		}
	}
	return found
}

func has(h http.Header, name, part string) bool {
	for _, v := range h[name] {
		if strings.Contains(strings.ToLower(v), part) {
			return true
		}
	}
	return false
}

// checkProxy tells which proxy answers.
func (e *exam) checkProxy(ctx context.Context, h http.Header) {
	if e.proxies = recognize(h); len(e.proxies) == 0 && e.refusesAsHAProxy(ctx) {
		e.proxies = []proxy{haproxy}
	}
	words := []string{}
	for _, name := range []string{"Server", "Via"} {
		if v := strings.Join(h[name], ", "); v != "" {
			words = append(words, fmt.Sprintf("%s: %s", name, v))
		}
	}
	shown := strings.Join(words, "; ")
	switch {
	case len(e.proxies) > 0:
		names := make([]string, len(e.proxies))
		for i, p := range e.proxies {
			names[i] = string(p)
		}
		text := strings.Join(names, " and ")
		if shown != "" {
			text += " (" + shown + ")"
		}
		e.found("proxy", Note, text)
	case shown != "":
		e.found("proxy", Note, shown)
	default:
		e.found("proxy", Note, "none has shown itself; HAProxy, ALB and others need not")
	}
}

// refusesAsHAProxy sends what is not HTTP. HAProxy puts no name of its own into
// answers, but its page for such a request is like no other's.
func (e *exam) refusesAsHAProxy(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, e.Wait)
	defer cancel()
	port := e.URL.Port()
	if port == "" {
		port = e.URL.Scheme // dialers know both by name
	}
	var d interface {
		DialContext(ctx context.Context, network, addr string) (net.Conn, error)
	} = &net.Dialer{}
	if e.URL.Scheme == "https" {
		d = &tls.Dialer{Config: e.TLS}
	}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(e.URL.Hostname(), port))
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(e.Wait))
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nnot a header\r\n\r\n", e.URL.Host)
	page, _ := io.ReadAll(io.LimitReader(bufio.NewReader(conn), maxAnswer))
	return strings.Contains(string(page), "<h1>400 Bad request</h1>\nYour browser sent an invalid request.")
}
