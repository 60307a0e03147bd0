package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"notifier/internal/ssetest"
)

// A certifier is Pebble: an ACME server that looks at real proofs, at one port of
// this machine, whatever the name.
type certifier struct {
	url    string
	trust  string         // file with what its own clients must trust
	roots  *x509.CertPool // of what it issues
	orders atomic.Int32
}

func startCertifier(t *testing.T, proofPort int) *certifier {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	validator := va.New(quiet, proofPort, proofPort, false, startDNS(t), store)
	front := wfe.New(quiet, store, validator, issuer, []string{"ca.example"}, false, false, 1, 1)

	c := &certifier{roots: x509.NewCertPool(), trust: filepath.Join(t.TempDir(), "trust.pem")}
	handler := front.Handler()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/order-plz" {
			c.orders.Add(1)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	c.url = srv.URL + wfe.DirectoryPath
	c.roots.AppendCertsFromPEM(issuer.GetRootCert(0).PEM())
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(c.trust, own, 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// startDNS answers that every name is this machine.
func startDNS(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if len(q.Question) == 1 && q.Question[0].Qtype == dns.TypeA {
			header := dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}
			m.Answer = append(m.Answer, &dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)})
		}
		w.WriteMsg(m)
	})}
	done := make(chan error)
	go func() { done <- srv.ActivateAndServe() }()
	t.Cleanup(func() {
		l.Close() // also before it serves
		if err := <-done; err != nil && !strings.Contains(err.Error(), "closed") {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// The server gets a certificate when the first client comes, by proving on the same
// listener that the name is its own, and keeps it over restarts. Streams come by
// both versions of HTTP.
func TestACME(t *testing.T) {
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	addr, data := freeAddr(t), t.TempDir()
	_, port, _ := net.SplitHostPort(addr)
	number, _ := strconv.Atoi(port)
	authority := startCertifier(t, number)
	run := func() *child {
		c := start(t, "env", "SSL_CERT_FILE="+authority.trust, bin, "serve", "--listen="+addr, "--admin-listen=", "--data="+data, "--insecure-open",
			"--acme-domain=events.example.com", "--acme-email=admin@example.com", "--acme-url="+authority.url, "--drain=0s")
		eventually(t, "the server listens", func() bool { return strings.Contains(c.log.String(), "notifier is listening") })
		return c
	}

	server := run()
	first := dial(t, addr, authority.roots)
	for _, proto := range []string{"HTTP/2.0", "HTTP/1.1"} {
		streamOverTLS(t, addr, authority.roots, proto)
	}
	if _, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "other.example.com", InsecureSkipVerify: true}); err == nil {
		t.Error("there is a certificate for a name that is not ours")
	}
	if err := server.end(); err != nil {
		t.Fatal(err)
	}
	if log := server.log.String(); strings.Contains(log, "there is no certificate") {
		t.Error("what others ask for is in the log")
	}

	run()
	again := dial(t, addr, authority.roots)
	if first.SerialNumber.Cmp(again.SerialNumber) != 0 || authority.orders.Load() != 1 {
		t.Errorf("a restart asked for another certificate: %d orders", authority.orders.Load())
	}
}

// dial returns the certificate of the server, which must be for the name.
func dial(t *testing.T, addr string, roots *x509.CertPool) *x509.Certificate {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "events.example.com", RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

// streamOverTLS has an event delivered.
func streamOverTLS(t *testing.T, addr string, roots *x509.CertPool, proto string) {
	t.Helper()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: proto == "HTTP/2.0",
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	stream, err := client.Get("https://events.example.com/events?token=1")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	if stream.Proto != proto {
		t.Errorf("%s, want %s", stream.Proto, proto)
	}
	answer, err := client.Post("https://events.example.com/api", "application/json", strings.NewReader(`{"tokens":["1"],"data":"hi"}`))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if ev, err := ssetest.NewReader(stream.Body).Next(); err != nil || !strings.Contains(ev.Data, "hi") {
		t.Errorf("%s: %+v, %v", proto, ev, err)
	}
}

// An authority that cannot be reached is in the log, once and not for every client.
func TestACMEFails(t *testing.T) {
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	c := start(t, bin, "serve", "--listen="+addr, "--admin-listen=", "--data="+t.TempDir(),
		"--acme-domain=events.example.com", "--acme-url=https://127.0.0.1:1/directory", "--drain=0s")
	eventually(t, "the server listens", func() bool { return strings.Contains(c.log.String(), "notifier is listening") })
	for range 3 {
		if _, err := tls.Dial("tcp", addr, &tls.Config{ServerName: "events.example.com", InsecureSkipVerify: true}); err == nil {
			t.Error("there is a certificate")
		}
	}
	if n := strings.Count(c.log.String(), "there is no certificate"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if err := c.end(); err != nil {
		t.Error(err)
	}
}
