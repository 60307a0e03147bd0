package auth

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"notifier"
)

// An endpoint publishes keys, by way of no network.
type endpoint struct {
	mu     sync.Mutex
	status int
	body   string
	delay  time.Duration
	header http.Header
	asked  []string // URLs
	read   int      // bytes of answers
}

// A counted is an answer.
type counted struct {
	io.Reader
	e *endpoint
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.e.read += n
	return n, err
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, r.URL.String())
	select {
	case <-time.After(e.delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if e.status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: e.status, Status: fmt.Sprint(e.status), Header: e.header, Body: io.NopCloser(counted{strings.NewReader(e.body), e}), Request: r}, nil
}

// set changes what it answers; the status 0 is no answer.
func (e *endpoint) set(status int, body string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status, e.body = status, body
}

func (e *endpoint) calls() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.asked)
}

// keySetOf is a JSON Web Key Set of keys named 1, 2, 3.
func keySetOf(t testing.TB, private ...crypto.Signer) string {
	t.Helper()
	var set jose.JSONWebKeySet
	for i, k := range private {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public(), KeyID: fmt.Sprint(i + 1)})
	}
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A remote is a JWT with an endpoint, inside a bubble.
type remote struct {
	*JWT
	*endpoint
	t   *testing.T
	log bytes.Buffer
}

func withRemote(t *testing.T, e *endpoint, test func(*remote)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &remote{endpoint: e, t: t}
		r.JWT = &JWT{cfg: JWTConfig{Claim: "sub"}, accepted: known}
		r.JWT.remote = newJWKS("https://keys.example/jwks.json?code=s3cretcode", known, slog.New(slog.NewTextHandler(&r.log, nil)), e)
		test(r)
		r.Close()
	})
}

// token is signed by k, whose name it says; "" for none.
func (r *remote) token(k any, id string) string {
	alg, h := jose.EdDSA, headers{}
	if k == any(private().rsa) || k == any(private().rsa2) {
		alg = jose.RS256
	}
	if id != "" {
		h = headers{"kid", id}
	}
	return sign(r.t, alg, k, good(""), h)
}

// want holds what comes of a token: nil, ErrUnauthorized or ErrUnavailable.
func (r *remote) want(when, token string, want error) {
	r.t.Helper()
	who, err := r.Subscriber(request("token="+token, ""))
	if !errors.Is(err, want) || (err == nil) != (who.Keys != nil) {
		r.t.Errorf("%s: %v, %v, want %v", when, who, err, want)
	}
	if errors.Is(err, notifier.ErrUnauthorized) {
		checkReason(r.t, err, token)
	}
}

// TestJWKSStorm has everybody come back at once while no key is known.
func TestJWKSStorm(t *testing.T) {
	k := private()
	e := &endpoint{status: 200, body: keySetOf(t, k.ed), delay: time.Second}
	withRemote(t, e, func(r *remote) {
		token := r.token(k.ed, "1")
		unknown := r.token(k.ed, "2")
		var crowd sync.WaitGroup
		for i := range 5000 {
			crowd.Go(func() {
				if i%10 == 0 {
					r.want("an unknown key in the crowd", unknown, notifier.ErrUnauthorized)
				}
				r.want("in the crowd", token, nil)
			})
		}
		crowd.Wait()
		if n := e.calls(); n != 1 {
			t.Errorf("the keys were fetched %d times", n)
		}
	})
}

func TestJWKSRotation(t *testing.T) {
	k := private()
	e := &endpoint{status: 200, body: keySetOf(t, k.rsa)}
	withRemote(t, e, func(r *remote) {
		r.want("first", r.token(k.rsa, "1"), nil)
		r.want("no name", r.token(k.rsa, ""), notifier.ErrUnauthorized)
		r.want("another key's name", r.token(k.rsa2, "1"), notifier.ErrUnauthorized)
		r.want("name of a key of another kind", r.token(k.ed, "1"), notifier.ErrUnauthorized)
		if e.calls() != 1 {
			t.Errorf("fetched %d times", e.calls())
		}

		// A new key is known as soon as somebody names it, but not at any rate.
		e.set(200, keySetOf(t, k.rsa, k.ed))
		r.want("too soon", r.token(k.ed, "2"), notifier.ErrUnauthorized)
		time.Sleep(refreshPause)
		r.want("no name", r.token(k.ed, ""), notifier.ErrUnauthorized)
		if e.calls() != 1 {
			t.Errorf("fetched %d times", e.calls())
		}
		for i := range 100 {
			r.want("made up", r.token(k.ed, fmt.Sprint("made-up-", i)), notifier.ErrUnauthorized)
		}
		r.want("new", r.token(k.ed, "2"), nil)
		if e.calls() != 2 {
			t.Errorf("fetched %d times", e.calls())
		}

		// One that was withdrawn ends without anybody's doing.
		e.set(200, strings.Replace(keySetOf(t, k.rsa, k.ed), `"kid":"1"`, `"kid":"0"`, 1))
		r.want("not noticed yet", r.token(k.rsa, "1"), nil)
		time.Sleep(refreshEvery)
		synctest.Wait()
		r.want("withdrawn", r.token(k.rsa, "1"), notifier.ErrUnauthorized)
		r.want("not withdrawn", r.token(k.ed, "2"), nil)
	})
}

// TestJWKSOutage holds that keys stay in use, and that nobody is refused for good
// while it cannot be known whether they should be.
func TestJWKSOutage(t *testing.T) {
	k := private()
	set := keySetOf(t, k.ed)
	nameless, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.ed.Public()}}})
	if err != nil {
		t.Fatal(err)
	}
	huge := strings.Replace(set, "{", `{"x":"`+strings.Repeat("x", maxJWKS)+`",`, 1)
	redirect := http.Header{"Location": {"https://elsewhere.example/jwks.json"}}
	for name, broken := range map[string]*endpoint{
		"down":        {},
		"slow":        {status: 200, body: set, delay: refreshTimeout + time.Second},
		"an error":    {status: 500, body: set},
		"a redirect":  {status: 302, body: set, header: redirect},
		"huge":        {status: 200, body: huge},
		"padded":      {status: 200, body: set + strings.Repeat(" ", maxJWKS)},
		"endless":     {status: 200, body: strings.Repeat(" ", 4*maxJWKS)},
		"no names":    {status: 200, body: string(nameless)},
		"no JSON":     {status: 200, body: "<html>"},
		"cut":         {status: 200, body: set[:len(set)-1]},
		"no keys":     {status: 200, body: `{"keys":[]}`},
		"keys twice":  {status: 200, body: set[:len(set)-1] + "," + set[1:]},
		"keys no set": {status: 200, body: `{"keys":{}}`},
		"a list":      {status: 200, body: `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			e := &endpoint{status: broken.status, body: broken.body, delay: broken.delay, header: broken.header}
			withRemote(t, e, func(r *remote) {
				r.want("nothing known", r.token(k.ed, "1"), notifier.ErrUnavailable)
				r.want("malformed all the same", "x.y.z", notifier.ErrUnauthorized)
				e.mu.Lock()
				e.status, e.body, e.delay, e.header = 200, set, 0, nil
				e.mu.Unlock()
				time.Sleep(refreshPause)
				r.want("back", r.token(k.ed, "1"), nil)

				e.mu.Lock()
				e.status, e.body, e.delay, e.header = broken.status, broken.body, broken.delay, broken.header
				e.mu.Unlock()
				time.Sleep(3*refreshEvery + refreshTimeout)
				r.want("known", r.token(k.ed, "1"), nil)
				r.want("unknown, perhaps new", r.token(k.ed, "2"), notifier.ErrUnavailable)
				for _, url := range e.asked {
					if url != "https://keys.example/jwks.json?code=s3cretcode" {
						t.Errorf("asked %s", url)
					}
				}
				if most := (maxJWKS + 1) * len(e.asked); e.read > most {
					t.Errorf("%d bytes were read, want at most %d", e.read, most)
				}
				if strings.Contains(r.log.String(), "s3cretcode") {
					t.Errorf("what is in the query is in the log:\n%s", r.log.String())
				}
				if said := strings.Count(r.log.String(), "could not be fetched"); said != 2 {
					t.Errorf("the operator was told %d times of 2 outages:\n%s", said, r.log.String())
				}
			})
		})
	}
}

// TestJWKSImpatience has a client go away while the first keys are fetched.
func TestJWKSImpatience(t *testing.T) {
	k := private()
	withRemote(t, &endpoint{status: 200, body: keySetOf(t, k.ed), delay: 2 * time.Second}, func(r *remote) {
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		_, err := r.Subscriber(request("token="+r.token(k.ed, "1"), "").WithContext(ctx))
		if took := time.Since(begun); took != time.Second || !errors.Is(err, notifier.ErrUnavailable) {
			t.Errorf("after %v: %v", took, err)
		}
		r.want("who waits", r.token(k.ed, "1"), nil)
	})
}

func TestJWKSInTheOpen(t *testing.T) {
	for url, want := range map[string]bool{
		"https://keys.example/": false, "http://localhost:1/": false, "http://127.0.0.1/": false, "http://[::1]:1/": false,
		"http://keys.example/": true, "http://10.0.0.1:1/": true, "http://localhost.example/": true,
	} {
		var log bytes.Buffer
		newJWKS(url, known, slog.New(slog.NewTextHandler(&log, nil)), &endpoint{}).close()
		if warned := strings.Contains(log.String(), "without TLS"); warned != want {
			t.Errorf("%s: warned: %v", url, warned)
		}
	}
}

// TestJWKSKeys holds which keys of a set are used, and for what.
func TestJWKSKeys(t *testing.T) {
	k := private()
	member := func(jwk jose.JSONWebKey, more string) string {
		b, err := json.Marshal(jwk)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Replace(string(b), "{", "{"+more, 1)
	}
	pub := jose.JSONWebKey{Key: k.rsa.Public()}
	set := `{"keys":[` + strings.Join([]string{
		`{"kty":"new","kid":"new","x":1}`, `7`, `null`,
		member(jose.JSONWebKey{Key: []byte(secret), KeyID: "secret", Algorithm: "HS256"}, ""),
		member(jose.JSONWebKey{Key: k.rsa, KeyID: "private"}, ""),
		member(pub, `"kid":"encrypt","use":"enc",`),
		member(pub, `"kid":"pss","alg":"PS256","use":"sig",`),
		member(pub, `"kid":"other","alg":"RS256",`),
		member(jose.JSONWebKey{Key: k.ed.Public(), KeyID: "other"}, ""),
		member(pub, ""),
	}, ",") + "]}"
	withRemote(t, &endpoint{status: 200, body: set}, func(r *remote) {
		tok := func(alg jose.SignatureAlgorithm, key any, id string) string {
			return sign(t, alg, key, good(""), headers{"kid", id})
		}
		r.want("one of two of a name", tok(jose.RS256, k.rsa, "other"), nil)
		r.want("the other", tok(jose.EdDSA, k.ed, "other"), nil)
		r.want("pinned to another algorithm", tok(jose.RS512, k.rsa, "other"), notifier.ErrUnauthorized)
		r.want("pinned to this one", tok(jose.PS256, k.rsa, "pss"), nil)
		r.want("pinned to PSS", tok(jose.RS256, k.rsa, "pss"), notifier.ErrUnauthorized)
		for _, id := range []string{"private", "encrypt", "new", ""} {
			r.want("key "+id, tok(jose.RS256, k.rsa, id), notifier.ErrUnauthorized)
		}
		r.want("secret", tok(jose.HS256, []byte(secret), "secret"), notifier.ErrUnauthorized)
		r.want("confusion", tok(jose.HS256, []byte(publicPEM(t, k.rsa)), "other"), notifier.ErrUnauthorized)
	})
}
