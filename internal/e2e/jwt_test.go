package e2e

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// A login signs JWTs and publishes the keys that they are known by.
type login struct {
	t     *testing.T
	url   string
	down  atomic.Bool
	asked atomic.Int64

	mu   sync.Mutex
	name string // of the key in use
	key  ed25519.PrivateKey
	set  jose.JSONWebKeySet
}

func newLogin(t *testing.T) *login {
	l := &login{t: t}
	l.rotate("1")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		l.asked.Add(1)
		if l.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		json.NewEncoder(w).Encode(l.set)
	}))
	t.Cleanup(s.Close)
	l.url = s.URL + "/jwks.json"
	return l
}

// rotate adds a key, and uses it from now on.
func (l *login) rotate(name string) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.name, l.key = name, private
	l.set.Keys = append(l.set.Keys, jose.JSONWebKey{Key: public, KeyID: name})
}

// sign makes a JWT for somebody with more claims, which are pairs.
func (l *login) sign(sub string, expires time.Duration, more ...any) string {
	l.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: l.key}, (&jose.SignerOptions{}).WithHeader("kid", l.name))
	if err != nil {
		l.t.Fatal(err)
	}
	claims := map[string]any{"sub": sub, "exp": time.Now().Add(expires).Unix()}
	for i := 0; i < len(more); i += 2 {
		claims[more[i].(string)] = more[i+1]
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		l.t.Fatal(err)
	}
	return token
}

// A bearer sends a credential with every request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return client.Transport.RoundTrip(r)
}

// publisher may publish.
func (l *login) publisher() *http.Client {
	return &http.Client{Transport: bearer(l.sign("backend", time.Hour, "scope", "notifier:publish"))}
}

func (l *login) node(t *testing.T, edit ...func(*config.Config)) *nodetest.Node {
	return nodetest.Start(t, append(edit, func(c *config.Config) {
		c.Auth, c.JWTPublish, c.JWKSURL, c.JWTListClaim, c.JWTLeeway = "jwt", true, l.url, "groups", 0
		c.Retry = 100 * time.Millisecond
	})...)
}

// status is what a stream would be answered with.
func status(t *testing.T, n *nodetest.Node, token string) int {
	t.Helper()
	resp, err := client.Head(n.URL + "/events?token=" + token)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestJWT has a browser and curl with JWTs whose keys come from a URL: several
// tokens on one stream, its end, another key.
func TestJWT(t *testing.T) {
	l := newLogin(t)
	n := l.node(t)
	b := startBrowser(t)
	long, short := b.open(n.URL+"/livez"), b.open(n.URL+"/livez")
	long.hear("/events?token="+l.sign("alice", time.Hour, "groups", []any{"staff", 7}), "{}")
	listen := curlStream(t, n.URL+"/events", "-H", "Authorization: Bearer "+l.sign("alice", time.Hour))
	endsAt := time.Now().Add(4 * time.Second)
	ending := l.sign("alice", time.Until(endsAt))
	short.hear("/events?token="+ending, "{}")
	curlEnds := curlStream(t, n.URL+"/events?token="+ending)

	publisher := l.publisher()
	send := func(p publication, streams map[string]int) heard {
		t.Helper()
		r, err := post(publisher, n.URL, p)
		if err != nil {
			t.Fatal(err)
		}
		for token, want := range streams {
			if r.Results[token] != want {
				t.Errorf("%s has %d streams, want %d", token, r.Results[token], want)
			}
		}
		return heard{By: "onmessage", Type: "message", Data: p.wire(), ID: r.ID}
	}
	own := send(publication{Tokens: []string{"alice"}, Data: 1}, map[string]int{"alice": 4})
	group := send(publication{Tokens: []string{"staff", "7", "alice"}, Data: 2}, map[string]int{"staff": 1, "7": 1, "alice": 4})
	one := send(publication{Tokens: []string{"7"}, Data: 3}, nil)
	send(publication{Tokens: []string{"groups", "bob"}, Data: 4}, map[string]int{"groups": 0, "bob": 0})
	last := send(publication{Tokens: []string{"staff", "alice"}, Data: 5}, nil)
	long.has([]heard{own, group, one, last})
	short.has([]heard{own, group, last})
	eventually(t, "curl has what is alice's", func() bool { return strings.Count(listen.out.String(), "\ndata: ")+1 > 3 })
	if strings.Contains(listen.out.String(), one.ID) {
		t.Error("curl has what is not alice's")
	}

	// The end of a JWT is that of its streams; EventSource comes back, and is told
	// that it need not.
	short.until("source.readyState === EventSource.CLOSED")
	<-curlEnds.exited
	if early := time.Until(endsAt); early > 2*time.Second {
		t.Errorf("the streams ended %v before their JWT", early)
	}
	eventually(t, "the JWT is refused", func() bool { return status(t, n, ending) == http.StatusUnauthorized })
	if eval[int](long, "source.readyState") != 1 {
		t.Error("another stream was ended too")
	}

	// The login takes another key, and nobody restarts anything.
	l.rotate("2")
	fresh := l.sign("alice", time.Hour)
	eventually(t, "the new key is known", func() bool { return status(t, n, fresh) == http.StatusOK })
	short.hear("/events?token="+fresh, "{}")
	if asked := l.asked.Load(); asked > 4 {
		t.Errorf("the keys were fetched %d times", asked)
	}
}

// TestJWTAttacks holds that every bad JWT gets the same answer, for reading and for
// publishing, and that nobody is asked for keys but the one that was configured.
func TestJWTAttacks(t *testing.T) {
	l, mallory := newLogin(t), newLogin(t)
	n := l.node(t, func(c *config.Config) { c.JWTAudience = "notifier" })
	claims := func(more string) string {
		return fmt.Sprintf(`{"sub":"alice","aud":"notifier","scope":"notifier:publish","exp":%d%s}`, time.Now().Add(time.Hour).Unix(), more)
	}
	sign := func(by *login, payload string, header ...any) string {
		o := (&jose.SignerOptions{}).WithHeader("kid", by.name)
		for i := 0; i < len(header); i += 2 {
			o = o.WithHeader(jose.HeaderKey(header[i].(string)), header[i+1])
		}
		return compact(t, jose.SigningKey{Algorithm: jose.EdDSA, Key: by.key}, o, payload)
	}
	public := l.key.Public().(ed25519.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	confused := func(secret []byte) string {
		return compact(t, jose.SigningKey{Algorithm: jose.HS256, Key: secret}, (&jose.SignerOptions{}).WithHeader("kid", "1"), claims(""))
	}
	good := sign(l, claims(""), "jku", mallory.url)
	if got := status(t, n, good); got != http.StatusOK {
		t.Fatalf("a good one is answered %d", got)
	}
	parts := strings.Split(good, ".")
	want := ""
	for why, token := range map[string]string{
		"no JWT":              "alice",
		"none":                base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"1"}`)) + "." + parts[1] + ".",
		"no signature":        parts[0] + "." + parts[1] + ".",
		"public key, raw":     confused(public),
		"public key, PEM":     confused(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"another's key":       sign(mallory, claims("")),
		"another's jku":       sign(mallory, claims(""), "jku", mallory.url),
		"another's x5u":       sign(mallory, claims(""), "x5u", mallory.url),
		"another's jwk":       sign(mallory, claims(""), "jwk", mallory.set.Keys[0]),
		"unknown kid":         sign(l, claims(""), "kid", "2"),
		"crit":                sign(l, claims(""), "crit", []string{"exp"}),
		"expired":             sign(l, strings.Replace(claims(""), `"exp":`, `"exp":1,"was":`, 1)),
		"without end":         sign(l, strings.Replace(claims(""), `"exp":`, `"was":`, 1)),
		"not valid yet":       sign(l, claims(fmt.Sprintf(`,"nbf":%d`, time.Now().Add(time.Hour).Unix()))),
		"another audience":    sign(l, strings.Replace(claims(""), `"notifier"`, `"others"`, 1)),
		"claim twice":         sign(l, claims(`,"sub":"bob"`)),
		"another claim twice": sign(l, claims(`,"x":1,"x":2`)),
	} {
		for _, call := range []struct{ method, path string }{{http.MethodGet, "/events"}, {http.MethodPost, "/api"}} {
			req, err := http.NewRequest(call.method, n.URL+call.path, strings.NewReader(`{"tokens":["alice"]}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			resp, err := (&http.Client{Transport: bearer(token), Timeout: patience}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if want == "" {
				want = string(body)
			}
			if err != nil || resp.StatusCode != http.StatusUnauthorized || string(body) != want {
				t.Errorf("%s, %s: %s, %q, %v\nwant 401 and %q", why, call.path, resp.Status, body, err, want)
			}
		}
	}
	if asked := mallory.asked.Load(); asked != 0 {
		t.Errorf("%d requests went where a JWT said", asked)
	}
}

// compact signs a payload as it is.
func compact(t *testing.T, key jose.SigningKey, o *jose.SignerOptions, payload string) string {
	t.Helper()
	signer, err := jose.NewSigner(key, o)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestJWTLoginDown holds that a browser waits for a server that cannot know it yet.
func TestJWTLoginDown(t *testing.T) {
	l := newLogin(t)
	l.down.Store(true)
	n := l.node(t)
	tb := startBrowser(t).open(n.URL + "/livez")
	tb.hear("/events?token="+l.sign("alice", time.Hour), "{}")
	publisher := l.publisher()
	if _, err := post(publisher, n.URL, publication{Tokens: []string{"alice"}}); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("a publisher is answered %v", err)
	}
	if eval[int](tb, "source.readyState") == 2 {
		t.Error("the browser has given up")
	}
	l.down.Store(false)
	var sent heard
	eventually(t, "the browser has its stream", func() bool {
		p := publication{Tokens: []string{"alice"}, Data: "at last"}
		r, err := post(publisher, n.URL, p)
		sent = heard{By: "onmessage", Type: "message", Data: p.wire(), ID: r.ID}
		return err == nil && r.Streams == 1
	})
	tb.has([]heard{sent})
}

// TestJWTStorm has very many come at once, while the keys are not known yet.
func TestJWTStorm(t *testing.T) {
	l := newLogin(t)
	n := l.node(t)
	keepAlive := &http.Transport{MaxIdleConnsPerHost: 50}
	defer keepAlive.CloseIdleConnections()
	crowd := &http.Client{Transport: keepAlive}
	var refused atomic.Int64
	var clients sync.WaitGroup
	for c := range 50 {
		clients.Go(func() {
			for i := range 100 {
				token := l.sign(fmt.Sprintf("user-%d", 100*c+i), time.Hour)
				resp, err := crowd.Head(n.URL + "/events?token=" + token)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					refused.Add(1)
				}
			}
		})
	}
	clients.Wait()
	if refused.Load() != 0 || l.asked.Load() != 1 {
		t.Errorf("%d of 5000 were refused, the keys fetched %d times", refused.Load(), l.asked.Load())
	}
}
