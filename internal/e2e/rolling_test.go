package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"notifier"
)

// TestRollingRestart is production in small: nginx in front with TLS and HTTP/2, JWTs
// for those who listen, a key for those who publish, and the server restarted twice in
// the middle of it. Publishers repeat what was refused, "notifier listen" comes back by
// itself: in the end each listener has each acknowledged event once, in order.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	p := newProduction(t)
	s := p.start(t)
	var listeners []*listening
	for _, token := range p.tokens {
		listeners = append(listeners, p.listen(t, token), p.listen(t, token))
	}
	publishers := p.publish(t, 4)
	flows := func(when string) {
		t.Helper()
		for _, l := range listeners {
			before := l.count()
			eventually(t, "events of "+l.token+" come "+when, func() bool { return l.count() >= before+10 })
		}
	}

	flows("at first")
	for _, when := range []string{"after a restart", "after another"} {
		s.stop(t)
		s = p.start(t)
		flows(when)
	}
	close(publishers.over)
	publishers.Wait()
	if publishers.err != nil {
		t.Fatal(publishers.err)
	}

	for _, l := range listeners {
		want := publishers.acknowledged(l.token)
		eventually(t, "a listener of "+l.token+" has everything", func() bool { return l.count() >= len(want) })
		if err := l.end(); err != nil {
			t.Errorf("a listener of %s ended with: %v", l.token, err)
		}
		if d := difference(strings.Split(strings.TrimSpace(l.out.String()), "\n"), want); d != "" {
			t.Errorf("a listener of %s: %s", l.token, d)
		}
	}
	s.stop(t)
	t.Logf("%d events acknowledged, %d requests refused and repeated", len(publishers.acks), publishers.refused)
	if publishers.refused == 0 {
		t.Error("no publisher noticed that the server was away")
	}
}

// A production is what docs/operations.md sets up.
type production struct {
	bin, conf string
	url       string // of nginx
	trust     string // file with nginx's certificate
	key       string // of the publishers
	jwtSecret string
	tokens    []string
	client    *http.Client
}

func newProduction(t *testing.T) *production {
	t.Helper()
	nginx := program(t, "nginx", "/usr/sbin/nginx")
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir, addr, front := t.TempDir(), freeAddr(t), freeAddr(t)
	p := &production{
		bin: bin, conf: filepath.Join(dir, "notifier.yaml"), url: "https://" + front + "/ws", trust: filepath.Join(dir, "cert.pem"),
		jwtSecret: "a-secret-of-thirty-two-bytes-or-more", tokens: []string{"arya", "bran", "sansa"},
	}
	keys := strings.Fields(p.run(t, "key", "new", "--name", "backend"))
	p.key = strings.TrimPrefix(keys[0], "NOTIFIER_KEY=")
	settings := fmt.Sprintf(`
listen: %s
admin-listen: ""
base-path: /ws
data: %s
keep-events: 100000
retry: 200ms
drain: 1s
auth: jwt
jwt-key: %s
api-key: [%s]
trusted-proxy: [127.0.0.1/32]
`, addr, filepath.Join(dir, "data"), p.jwtSecret, strings.TrimPrefix(keys[1], "NOTIFIER_API_KEY="))
	if err := os.WriteFile(p.conf, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	p.client = certified(t, p.trust, filepath.Join(dir, "key.pem"))
	conf := proxyConf(t, "nginx.conf", front+" ssl http2", addr, nil)
	startNginxWith(t, nginx, fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s;\n", p.trust, filepath.Join(dir, "key.pem"))+conf)
	return p
}

// certified writes a certificate for this machine and its key, and returns a client
// that trusts it.
func certified(t *testing.T, cert, key string) *http.Client {
	t.Helper()
	srv := httptest.NewTLSServer(nil) // which has one
	defer srv.Close()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(srv.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}, key: {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// run is what the program prints.
func (p *production) run(t *testing.T, args ...string) string {
	t.Helper()
	c := start(t, p.bin, args...)
	if <-c.exited; c.err != nil {
		t.Fatalf("notifier %s: %v", args[0], c.err)
	}
	return c.out.String()
}

// start starts the server and waits until nginx reaches it.
func (p *production) start(t *testing.T) *server {
	t.Helper()
	s := &server{child: start(t, p.bin, "serve", "--config", p.conf), url: p.url}
	eventually(t, "the server is ready, and nginx knows it", func() bool {
		resp, err := p.client.Get(p.url + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return s
}

// A listening is "notifier listen".
type listening struct {
	*child
	token string
}

func (p *production) listen(t *testing.T, token string) *listening {
	t.Helper()
	jwt := strings.TrimSpace(p.run(t, "token", "--sub", token, "--jwt-key", p.jwtSecret))
	return &listening{token: token, child: start(t, "env", "SSL_CERT_FILE="+p.trust, "NOTIFIER_URL="+p.url, "NOTIFIER_TOKEN="+jwt,
		p.bin, "listen", "--since", "all")}
}

// count is how many events it has printed.
func (l *listening) count() int { return strings.Count(l.out.String(), "\n") }

// publishers publish until they are told that it is over.
type publishers struct {
	sync.WaitGroup
	over chan struct{}

	mu      sync.Mutex
	acks    []acknowledged
	refused int
	err     error // the first answer that none should get
}

// acknowledged is a publication that was answered with 200.
type acknowledged struct {
	tokens []string
	id     string
	data   string
}

// publish starts some publishers, each of which sends an event after the other, in
// turn to one of the tokens and to all of them.
func (p *production) publish(t *testing.T, n int) *publishers {
	all := &publishers{over: make(chan struct{})}
	t.Cleanup(all.Wait) // the test's context is over by then
	for who := range n {
		all.Go(func() {
			pace := time.NewTicker(10 * time.Millisecond)
			defer pace.Stop()
			for i := 0; ; i++ {
				tokens := p.tokens
				if turn := i % (len(p.tokens) + 1); turn < len(p.tokens) {
					tokens = p.tokens[turn : turn+1]
				}
				if !all.insist(t.Context(), p, pace, tokens, fmt.Sprintf("%d.%d", who, i)) {
					return
				}
			}
		})
	}
	return all
}

// insist publishes one event, again and again until it is acknowledged, and reports
// whether there shall be another.
func (all *publishers) insist(ctx context.Context, p *production, pace *time.Ticker, tokens []string, name string) bool {
	for {
		<-pace.C
		id, status, err := p.post(ctx, tokens, name)
		if ctx.Err() != nil {
			return false
		}
		all.mu.Lock()
		switch {
		case err == nil && status == http.StatusOK:
			all.acks = append(all.acks, acknowledged{tokens, id, name})
		case err != nil || status == http.StatusBadGateway || status == http.StatusServiceUnavailable:
			all.refused++
			all.mu.Unlock()
			continue
		default:
			all.err = fmt.Errorf("event %s is answered with %d", name, status)
		}
		failed := all.err != nil
		all.mu.Unlock()
		select {
		case <-all.over:
			return false
		default:
			return !failed
		}
	}
}

// post publishes an event once, under an idempotency key.
func (p *production) post(ctx context.Context, tokens []string, name string) (id string, status int, err error) {
	body, err := json.Marshal(map[string]any{"tokens": tokens, "data": name, "id": name})
	if err != nil {
		return "", 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/api", bytes.NewReader(body))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+p.key)
	resp, err := p.client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", resp.StatusCode, nil
	}
	var r receipt
	err = json.NewDecoder(resp.Body).Decode(&r)
	return r.ID, resp.StatusCode, err
}

// acknowledged are the lines that a listener of the token must print.
func (all *publishers) acknowledged(token string) (lines []string) {
	slices.SortFunc(all.acks, func(a, b acknowledged) int { return int(seq(a.id)) - int(seq(b.id)) })
	for _, a := range all.acks {
		if slices.Contains(a.tokens, token) {
			lines = append(lines, fmt.Sprintf("%s\tmessage\t"+`{"entityType":"","data":"%s"}`, a.id, a.data))
		}
	}
	return lines
}

// seq is an id's place in the journal.
func seq(text string) uint64 {
	id, err := notifier.ParseID(text)
	if err != nil {
		panic(err)
	}
	return id.Seq
}

// difference is where two lists of lines part; "" if they do not.
func difference(got, want []string) string {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	if i == len(got) && i == len(want) {
		return ""
	}
	next := func(lines []string) []string { return lines[i:min(i+3, len(lines))] }
	return fmt.Sprintf("%d lines, want %d; line %d on are %q\nwant %q", len(got), len(want), i, next(got), next(want))
}
