package node_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"notifier/internal/config"
	"notifier/internal/node"
	"notifier/internal/nodetest"
	"notifier/internal/ssetest"
)

// h2c has a client speak HTTP/2 from the first byte on, over one connection.
func h2c(c *http.Client) {
	t := c.Transport.(*http.Transport)
	t.DisableKeepAlives = false
	t.Protocols = new(http.Protocols)
	t.Protocols.SetUnencryptedHTTP2(true)
}

// Many streams share a connection, and one that is quiet for much longer than the
// write timeout lives: no deadline of an earlier write is left armed.
func TestHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t, func(c *config.Config) {
			c.WriteTimeout = 2 * time.Second
			c.StreamsPerToken = 0
			c.Lifetime = 0
		})
		h2c(n.Client)
		defer n.Client.CloseIdleConnections()
		var streams []*nodetest.Stream
		for i := range 300 {
			s := n.Open(t, fmt.Sprint("token=", i%3))
			if s.Status != 200 || s.Header.Get("Content-Type") != "text/event-stream" {
				t.Fatalf("stream %d: %d %v", i, s.Status, s.Header)
			}
			streams = append(streams, s)
		}
		for round := range 3 {
			n.Post(t, "/api", fmt.Sprintf(`{"tokens":["0","1","2"],"data":%d}`, round))
			for i, s := range streams {
				ev, err := s.Next()
				if err != nil || ev.Data != fmt.Sprintf(`{"entityType":"","data":%d}`, round) {
					t.Fatalf("stream %d, round %d: %+v, %v", i, round, ev, err)
				}
			}
			time.Sleep(time.Minute)
		}
		for _, s := range streams {
			s.Body.Close()
		}
		synctest.Wait()
		if _, online := n.Do(t, http.MethodGet, "/api/streams", ""); online["streams"].(float64) != 0 {
			t.Errorf("online: %v", online)
		}
	})
}

// writePair writes a new self-signed certificate for a name, and its key.
func writePair(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// Over TLS streams come by HTTP/2 and by HTTP/1.1, and a new certificate is used
// without a restart.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cfg := config.Default()
	cfg.Listen, cfg.AdminListen, cfg.Data, cfg.Drain = "127.0.0.1:0", "", config.Memory, 0
	cfg.TLSCert, cfg.TLSKey = writePair(t, dir, "first")
	log := &nodetest.Log{}
	n, err := node.New(cfg, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- n.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	url := "https://" + n.Addr()
	for _, proto := range []string{"HTTP/2.0", "HTTP/1.1"} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: proto == "HTTP/2.0"}
		client := &http.Client{Transport: tr}
		resp, err := client.Get(url + "/events?token=" + proto[5:])
		if err != nil || resp.Proto != proto || resp.StatusCode != 200 {
			t.Fatalf("%s: %v, %v", proto, resp, err)
		}
		answer, err := client.Post(url+"/api", "application/json", strings.NewReader(`{"tokens":["`+proto[5:]+`"],"data":1}`))
		if err != nil || answer.StatusCode != 200 {
			t.Fatalf("%s: %v, %v", proto, answer, err)
		}
		answer.Body.Close()
		if ev, err := ssetest.NewReader(resp.Body).Next(); err != nil || !strings.Contains(ev.Data, `"data":1`) {
			t.Errorf("%s: %+v, %v", proto, ev, err)
		}
		resp.Body.Close()
		tr.CloseIdleConnections()
	}

	writePair(t, dir, "second")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); served(t, n.Addr()) != "second"; <-tick.C {
		if time.Now().After(end) {
			t.Fatal("the new certificate is not used")
		}
	}
	if err := os.WriteFile(cfg.TLSCert, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), "cannot be used"); <-tick.C {
		if name := served(t, n.Addr()); name != "second" || time.Now().After(end) {
			t.Fatalf("a broken file is used, or nobody is told: %s", name)
		}
	}
}

func served(t *testing.T, addr string) string {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestTLSNeedsGoodFiles(t *testing.T) {
	cfg := config.Default()
	cfg.Listen, cfg.AdminListen, cfg.Data = "127.0.0.1:0", "", config.Memory
	cfg.TLSCert, cfg.TLSKey = "no-such-file", "no-such-file"
	if _, err := node.New(cfg, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "tls-cert, tls-key: ") {
		t.Errorf("got %v", err)
	}
}
