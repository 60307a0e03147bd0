package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"notifier"
)

const secret = "a secret of thirty-two bytes, or more"

// private is a private key of each kind, made once.
var private = sync.OnceValue(func() (k struct {
	rsa, rsa2  *rsa.PrivateKey
	p256, p384 *ecdsa.PrivateKey
	p521       *ecdsa.PrivateKey
	ed         ed25519.PrivateKey
}) {
	k.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.rsa2, _ = rsa.GenerateKey(rand.Reader, 2048)
	k.p256, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.p384, _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	k.p521, _ = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	return k
})

// publicPEM is the public half of private keys.
func publicPEM(t testing.TB, private ...crypto.Signer) (text string) {
	t.Helper()
	for _, k := range private {
		der, err := x509.MarshalPKIXPublicKey(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		text += string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	return text
}

// headers are pairs of a name and a value.
type headers []any

// sign signs a payload as it is. Header values go beside alg.
func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, payload string, h headers) string {
	t.Helper()
	o := &jose.SignerOptions{}
	for i := 0; i < len(h); i += 2 {
		o = o.WithHeader(jose.HeaderKey(h[i].(string)), h[i+1])
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
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

// hs256 signs with the secret.
func hs256(t testing.TB, payload string, h ...any) string {
	t.Helper()
	return sign(t, jose.HS256, []byte(secret), payload, h)
}

// base64s joins parts as a JWT does.
func base64s(parts ...string) string {
	for i, p := range parts {
		parts[i] = base64.RawURLEncoding.EncodeToString([]byte(p))
	}
	return strings.Join(parts, ".")
}

// good is the payload of a token that is good for an hour, with more members.
func good(more string) string {
	return fmt.Sprintf(`{"sub":"alice","exp":%d%s}`, time.Now().Add(time.Hour).Unix(), more)
}

func newTestJWT(t testing.TB, cfg JWTConfig) *JWT {
	t.Helper()
	if cfg.Claim == "" {
		cfg.Claim = "sub"
	}
	j, err := NewJWT(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// TestJWTAlgorithms has each algorithm verified by its key alone.
func TestJWTAlgorithms(t *testing.T) {
	k := private()
	long := strings.Repeat("s", 64)
	pems := publicPEM(t, k.rsa, k.p256, k.p384, k.p521, k.ed)
	for _, tt := range []struct {
		alg  jose.SignatureAlgorithm
		sign any
		key  string
	}{
		{jose.HS256, []byte(secret), secret}, {jose.HS384, []byte(long), long}, {jose.HS512, []byte(long), long},
		{jose.RS256, k.rsa, pems}, {jose.RS384, k.rsa, pems}, {jose.RS512, k.rsa, pems},
		{jose.PS256, k.rsa, pems}, {jose.PS384, k.rsa, pems}, {jose.PS512, k.rsa, pems},
		{jose.ES256, k.p256, pems}, {jose.ES384, k.p384, pems}, {jose.ES512, k.p521, pems}, {jose.EdDSA, k.ed, pems},
	} {
		token := sign(t, tt.alg, tt.sign, good(""), nil)
		j := newTestJWT(t, JWTConfig{Key: tt.key})
		if who, err := j.Subscriber(request("token="+token, "")); err != nil || who.Keys[0] != "alice" {
			t.Errorf("%s: %v, %v", tt.alg, who, err)
		}
		for _, a := range known {
			j, err := NewJWT(JWTConfig{Key: tt.key, Claim: "sub", Algorithms: []string{string(a)}})
			if err != nil {
				continue // the key is not for it
			}
			if _, err := j.Subscriber(request("token="+token, "")); (err == nil) != (a == tt.alg) {
				t.Errorf("%s where %s is accepted: %v", tt.alg, a, err)
			}
		}
	}
}

func TestJWTIdentity(t *testing.T) {
	many := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("%q", fmt.Sprint("group", i)))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	for _, tt := range []struct {
		name, more string
		keys       []string // nil if refused
	}{
		{"own", ``, []string{"alice"}},
		{"and more", `,"more":["g1","g2"]`, []string{"alice", "g1", "g2"}},
		{"numbers", `,"more":[7,-7,12345678901234567890]`, []string{"alice", "7", "-7", "12345678901234567890"}},
		{"no more", `,"more":[]`, []string{"alice"}},
		{"nothing more", `,"more":null`, []string{"alice"}},
		{"twice", `,"more":["g","alice","g"]`, []string{"alice", "g"}},
		{"fifteen more", `,"more":` + many(15), append([]string{"alice"}, strings.Fields("group0 group1 group2 group3 group4 group5 group6 group7 group8 group9 group10 group11 group12 group13 group14")...)},
		{"sixteen more", `,"more":` + many(16), nil},
		{"more of another kind", `,"more":"g1 g2"`, nil},
		{"an object", `,"more":{"0":"g"}`, nil},
		{"null in the list", `,"more":["g",null]`, nil},
		{"a fraction", `,"more":[1.5]`, nil},
		{"a power", `,"more":[1e3]`, nil},
		{"a truth", `,"more":[true]`, nil},
		{"a list in the list", `,"more":[["g"]]`, nil},
		{"an empty token", `,"more":[""]`, nil},
		{"a control character", `,"more":["a\nb"]`, nil},
		{"a long token", `,"more":["` + strings.Repeat("x", notifier.MaxToken+1) + `"]`, nil},
		{"what is none of ours", `,"aud":"x","iss":"y","roles":{"a":{"a":1}},"SUB":"mallory","Sub":"mallory"`, []string{"alice"}},
	} {
		j := newTestJWT(t, JWTConfig{Key: secret, ListClaim: "more"})
		who, err := j.Subscriber(request("", "", "Bearer "+hs256(t, good(tt.more))))
		if !reflect.DeepEqual(who.Keys, tt.keys) {
			t.Errorf("%s: %q, %v, want %q", tt.name, who.Keys, err, tt.keys)
		}
		if tt.keys == nil && !errors.Is(err, notifier.ErrUnauthorized) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}

	exp := time.Now().Add(time.Hour).Truncate(time.Second)
	j := newTestJWT(t, JWTConfig{Key: secret, Claim: "https://example.com/user", Leeway: time.Minute, Cookie: "c"})
	token := hs256(t, fmt.Sprintf(`{"https://example.com/user":42,"jti":"id-1","exp":%d}`, exp.Unix()))
	want := notifier.Identity{Keys: []string{"42"}, Expires: exp.Add(time.Minute), Credential: "id-1"}
	for place, r := range map[string]*http.Request{
		"query": request("tokenId="+token, ""), "cookie": request("", "c="+token), "header": request("", "", "Bearer "+token),
	} {
		if who, err := j.Subscriber(r); !reflect.DeepEqual(who, want) {
			t.Errorf("%s: %+v, %v, want %+v", place, who, err, want)
		}
	}
	if _, err := j.Subscriber(request("", "")); err != notifier.ErrUnauthorized {
		t.Errorf("nothing: %v", err)
	}
	if _, err := j.Subscriber(request("token="+token, "c=other")); !errors.As(err, new(notifier.FieldErrors)) {
		t.Errorf("two that differ: %v", err)
	}
	if who, err := j.Subscriber(request("token="+hs256(t, `{"https://example.com/user":"a","exp":99999999999999}`), "")); err != nil || !who.Expires.IsZero() {
		t.Errorf("an end that is farther than clocks count: %v, %v", who.Expires, err)
	}
}

// attacks are tokens that must not be good for what newVictim returns, by why.
func attacks(t testing.TB) map[string]string {
	k := private()
	payload := good(`,"iss":"issuer","aud":["other","us"],"scope":"notifier:publish"`)
	claims := func(old, new string) string { return hs256(t, strings.Replace(payload, old, new, 1)) }
	valid := hs256(t, payload)
	parts := strings.Split(valid, ".")
	other := sign(t, jose.RS256, k.rsa2, payload, headers{"kid", "1"})
	stranger := jose.JSONWebKey{Key: k.rsa2.Public(), KeyID: "1"}
	return map[string]string{
		"nothing":             "",
		"no JWT":              "alice",
		"an API key":          "nk_0123456789",
		"two parts":           parts[0] + "." + parts[1],
		"four parts":          valid + ".",
		"five parts, as JWE":  valid + ".a.b",
		"JSON serialization":  `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"padding":             parts[0] + "." + parts[1] + "=." + parts[2],
		"not base64":          "!." + parts[1] + "." + parts[2],
		"too long":            hs256(t, strings.Replace(payload, "{", `{"x":"`+strings.Repeat("x", maxJWT)+`",`, 1)),
		"none":                base64s(`{"alg":"none"}`, payload) + ".",
		"None":                base64s(`{"alg":"None"}`, payload) + ".",
		"none, signed":        base64s(`{"alg":"none"}`, payload) + "." + parts[2],
		"no algorithm":        base64s(`{"typ":"JWT"}`, payload) + "." + parts[2],
		"algorithm twice":     base64s(`{"alg":"none","alg":"HS256"}`, payload) + "." + parts[2],
		"algorithm a list":    base64s(`{"alg":["HS256"]}`, payload) + "." + parts[2],
		"header no object":    base64s(`"HS256"`, payload) + "." + parts[2],
		"header null":         base64s(`null`, payload) + "." + parts[2],
		"header deep":         base64s(strings.Repeat(`{"a":`, 1500)+`1`+strings.Repeat(`}`, 1500), payload) + "." + parts[2],
		"no signature":        parts[0] + "." + parts[1] + ".",
		"another payload":     parts[0] + "." + base64s(good(`,"x":1`)) + "." + parts[2],
		"another secret":      sign(t, jose.HS256, []byte(strings.Repeat("x", 32)), payload, nil),
		"confusion, PEM":      sign(t, jose.HS256, []byte(publicPEM(t, k.rsa)), payload, headers{"kid", "1"}),
		"confusion, trimmed":  sign(t, jose.HS256, []byte(strings.TrimSpace(publicPEM(t, k.rsa))), payload, headers{"kid", "1"}),
		"confusion, modulus":  sign(t, jose.HS256, k.rsa.N.Bytes(), payload, headers{"kid", "1"}),
		"another key":         other,
		"another key, jwk":    sign(t, jose.RS256, k.rsa2, payload, headers{"jwk", stranger, "kid", "1"}),
		"jku":                 sign(t, jose.RS256, k.rsa2, payload, headers{"kid", "1", "jku", "http://127.0.0.1:1/jwks.json"}),
		"x5u":                 sign(t, jose.RS256, k.rsa2, payload, headers{"kid", "1", "x5u", "http://127.0.0.1:1/cert.pem"}),
		"x5c":                 sign(t, jose.RS256, k.rsa2, payload, headers{"kid", "1", "x5c", []string{"AAAA"}}),
		"kid as a path":       sign(t, jose.RS256, k.rsa2, payload, headers{"kid", "../../../../dev/null"}),
		"kid a number":        sign(t, jose.RS256, k.rsa2, payload, headers{"kid", 1}),
		"crit":                hs256(t, payload, "crit", []string{"x"}, "x", 1),
		"crit that is known":  hs256(t, payload, "crit", []string{"b64"}, "b64", true),
		"crit empty":          hs256(t, payload, "crit", []string{}),
		"expired":             claims(`"exp":`, `"exp":1`+`,"was":`),
		"no exp":              claims(`"exp":`, `"was":`),
		"exp null":            claims(`"exp":`, `"exp":null,"was":`),
		"exp a text":          claims(`"exp":`, `"exp":"9999999999","was":`),
		"exp without end":     claims(`"exp":`, `"exp":1e400,"was":`),
		"exp beyond time":     claims(`"exp":`, `"exp":9223372036854775807,"was":`),
		"not valid yet":       claims(`{`, fmt.Sprintf(`{"nbf":%d,`, time.Now().Add(time.Hour).Unix())),
		"nbf a text":          claims(`{`, `{"nbf":"1",`),
		"issued tomorrow":     claims(`{`, fmt.Sprintf(`{"iat":%d,`, time.Now().Add(24*time.Hour).Unix())),
		"another issuer":      claims(`"issuer"`, `"issuer/"`),
		"no issuer":           claims(`"iss"`, `"issuer"`),
		"issuers":             claims(`"issuer"`, `["issuer"]`),
		"another audience":    claims(`"us"`, `"them"`),
		"a longer audience":   claims(`"us"`, `"us "`),
		"no audience":         claims(`"aud"`, `"audience"`),
		"audience null":       claims(`["other","us"]`, `null`),
		"audience an object":  claims(`["other","us"]`, `{"us":true}`),
		"sub twice":           claims(`{`, `{"sub":"mallory",`),
		"sub twice, escaped":  claims(`{`, `{"\u0073ub":"mallory",`),
		"exp twice":           claims(`{`, `{"exp":1,`),
		"aud twice":           claims(`{`, `{"aud":"us",`),
		"another claim twice": claims(`{`, `{"x":1,"x":1,`),
		"no sub":              claims(`"sub"`, `"user"`),
		"sub null":            claims(`"alice"`, `null`),
		"sub empty":           claims(`"alice"`, `""`),
		"sub a truth":         claims(`"alice"`, `true`),
		"sub a fraction":      claims(`"alice"`, `1.5`),
		"sub a list":          claims(`"alice"`, `["alice"]`),
		"sub an object":       claims(`"alice"`, `{"id":"alice"}`),
		"sub a line":          claims(`"alice"`, `"alice\r\nX: y"`),
		"sub not UTF-8":       claims(`"alice"`, "\"\xff\""),
		"sub long":            claims(`"alice"`, `"`+strings.Repeat("x", notifier.MaxToken+1)+`"`),
		"jti a number":        claims(`{`, `{"jti":7,`),
		"payload no object":   hs256(t, `["sub","alice"]`),
		"payload null":        hs256(t, `null`),
		"payload empty":       hs256(t, ``),
		"payload cut":         hs256(t, payload[:len(payload)-1]),
		"payload and more":    hs256(t, payload+`{}`),
		"nested JWT":          hs256(t, valid, "cty", "JWT"),
	}
}

// victims verify with a secret, and with public keys.
func victims(t testing.TB) map[string]*JWT {
	cfg := JWTConfig{Key: secret, Issuer: "issuer", Audience: "us", Leeway: 30 * time.Second}
	public := cfg
	public.Key = publicPEM(t, private().rsa)
	return map[string]*JWT{"secret": newTestJWT(t, cfg), "public": newTestJWT(t, public)}
}

// TestJWTAttacks holds that no attack gets in, and that no error tells anything.
func TestJWTAttacks(t *testing.T) {
	bad := attacks(t)
	for name, j := range victims(t) {
		for why, token := range bad {
			who, err := j.Subscriber(request("", "", "Bearer "+token))
			p, perr := j.Publisher(request("", "", "Bearer "+token))
			if who.Keys != nil || p != nil || !errors.Is(err, notifier.ErrUnauthorized) || !errors.Is(perr, notifier.ErrUnauthorized) {
				t.Errorf("%s, %s: subscriber %v, %v; publisher %v, %v", name, why, who, err, p, perr)
			}
			checkReason(t, err, token)
		}
	}
	// The table is worth something: what it changes was good.
	payload := good(`,"iss":"issuer","aud":["other","us"]`)
	for name, token := range map[string]string{
		"secret": hs256(t, payload, "jku", "http://127.0.0.1:1/"),
		"public": sign(t, jose.RS256, private().rsa, payload, headers{"kid", "1", "x5u", "http://127.0.0.1:1/"}),
	} {
		if _, err := victims(t)[name].Subscriber(request("token="+token, "")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// reasons is every text that an error about a token can have.
var reasons = map[string]bool{}

func init() {
	for _, reason := range []string{
		"is too long", "is malformed, or its algorithm is not accepted", "wants an extension to be understood",
		"is not UTF-8", "is not signed by a key for its algorithm", "has no exp", "has expired", "is not valid yet",
		"is from another issuer", "is for another audience", "has malformed or repeated claims",
		"has no token in its claim for it", "has a list of tokens that is none", "has a token that cannot be one",
		"has too many tokens", "has no sub that can be a publisher's name", "has prefixes that are none",
		"names no key", "names an unknown key",
	} {
		reasons["unauthorized: the JWT "+reason] = true
	}
}

// checkReason holds that an error says nothing of the token.
func checkReason(t testing.TB, err error, token string) {
	t.Helper()
	if err != nil && token != "" && !reasons[err.Error()] {
		t.Errorf("an error of another text: %v", err)
	}
}

// TestJWTTimes holds when a token begins and ends to be good, to the second.
func TestJWTTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newTestJWT(t, JWTConfig{Key: secret, Leeway: 30 * time.Second})
		now := time.Now().Truncate(time.Second)
		time.Sleep(time.Until(now.Add(time.Second)))
		now = time.Now()
		token := hs256(t, fmt.Sprintf(`{"sub":1,"nbf":%d,"exp":%d}`, now.Add(time.Minute).Unix(), now.Add(2*time.Minute).Unix()))
		end := now.Add(2*time.Minute + 30*time.Second)
		for _, at := range []struct {
			after time.Duration
			want  string
		}{
			{30*time.Second - 1, "unauthorized: the JWT is not valid yet"},
			{30 * time.Second, ""},
			{150 * time.Second, ""},
			{150*time.Second + 1, "unauthorized: the JWT has expired"},
		} {
			time.Sleep(time.Until(now.Add(at.after)))
			who, err := j.Subscriber(request("token="+token, ""))
			if fmt.Sprint(err) != at.want && (at.want != "" || err != nil) {
				t.Errorf("after %v: %v, want %q", at.after, err, at.want)
			}
			if err == nil && !who.Expires.Equal(end) {
				t.Errorf("it ends at %v, want %v", who.Expires, end)
			}
		}
	})
}

func TestJWTPublisher(t *testing.T) {
	j := newTestJWT(t, JWTConfig{Key: secret, Cookie: "c", Claim: "user"})
	for _, tt := range []struct {
		name, more string
		want       *notifier.Publisher
		err        error
	}{
		{"publish", `,"scope":"openid notifier:publish"`, &notifier.Publisher{Rights: notifier.MayPublish}, nil},
		{"all", `,"scope":"notifier:tickets notifier:publish  notifier:control"`, &notifier.Publisher{Rights: notifier.MayAll}, nil},
		{"a list", `,"scp":["notifier:control","x"]`, &notifier.Publisher{Rights: notifier.MayControl}, nil},
		{"lists as texts", `,"scp":"notifier:control","scope":["notifier:tickets"]`, &notifier.Publisher{Rights: notifier.MayControl | notifier.MayTicket}, nil},
		{"prefixes", `,"scope":"notifier:publish","prefixes":["shop-",7]`, &notifier.Publisher{Rights: notifier.MayPublish, Prefixes: []string{"shop-", "7"}}, nil},
		{"none", ``, nil, notifier.ErrForbidden},
		{"others", `,"scope":"notifier:publishes notifier NOTIFIER:PUBLISH notifier:*"`, nil, notifier.ErrForbidden},
		{"others in a list", `,"scp":["notifier:publish notifier:control"]`, nil, notifier.ErrForbidden},
		{"a list with an object", `,"scp":["notifier:publish",{}]`, nil, notifier.ErrForbidden},
		{"no prefix allows nothing", `,"scope":"notifier:publish","prefixes":[]`, nil, notifier.ErrUnauthorized},
		{"nor does null", `,"scope":"notifier:publish","prefixes":null`, nil, notifier.ErrUnauthorized},
		{"nor a text", `,"scope":"notifier:publish","prefixes":"shop-"`, nil, notifier.ErrUnauthorized},
		{"nor the empty one", `,"scope":"notifier:publish","prefixes":[""]`, nil, notifier.ErrUnauthorized},
	} {
		token := hs256(t, good(tt.more))
		if tt.want != nil {
			tt.want.Name = "alice"
		}
		got, err := j.Publisher(request("", "", "Basic dTpw", "bearer "+token))
		if !reflect.DeepEqual(got, tt.want) || !errors.Is(err, tt.err) {
			t.Errorf("%s: %+v, %v, want %+v, %v", tt.name, got, err, tt.want, tt.err)
		}
	}

	token := hs256(t, good(`,"scope":"notifier:publish"`))
	for place, r := range map[string]*http.Request{
		"query": request("token="+token, ""), "cookie": request("", "c="+token), "Basic": request("", "", "Basic "+token),
	} {
		if p, err := j.Publisher(r); p != nil || err != notifier.ErrUnauthorized {
			t.Errorf("by %s: %v, %v", place, p, err)
		}
	}
	nameless := hs256(t, fmt.Sprintf(`{"scope":"notifier:publish","exp":%d}`, time.Now().Add(time.Hour).Unix()))
	if p, err := j.Publisher(request("", "", "Bearer "+nameless)); p != nil || !errors.Is(err, notifier.ErrUnauthorized) {
		t.Errorf("without a name: %v, %v", p, err)
	}
}

// FuzzJWT signs whatever it is given, and holds that what is let in is so by what
// another reader sees in it, and never with another signature.
func FuzzJWT(f *testing.F) {
	exp := `"exp":` + fmt.Sprint(time.Now().Add(24*time.Hour).Unix())
	for _, header := range []string{`{"alg":"HS256"}`, `{"alg":"HS256","typ":"JWT","kid":"1"}`, `{"alg":"HS512"}`, `{"alg":"none"}`, `{"alg":"HS256","crit":["x"]}`, `{"alg":"HS256","alg":"none"}`, `{"alg":"HS256","b64":false}`} {
		for _, payload := range []string{`{"sub":"a",` + exp + `}`, `{"sub":7,"more":["b",8],` + exp + `}`, `{"sub":"a","sub":"b",` + exp + `}`, `{"sub":"a","exp":1}`, `{"sub":"\ud800","more":null,` + exp + `}`, `[]`, ``} {
			f.Add(header, payload, uint8(0))
			f.Add(header, payload, uint8(7))
		}
	}
	j := newTestJWT(f, JWTConfig{Key: secret, ListClaim: "more"})
	f.Fuzz(func(t *testing.T, header, payload string, flip uint8) {
		signed := base64s(header, payload)
		signature := mac(signed)
		signature[int(flip)%len(signature)] ^= flip
		token := signed + "." + base64.RawURLEncoding.EncodeToString(signature)
		who, err := j.Subscriber(request("", "", "Bearer "+token))
		if err != nil {
			if who.Keys != nil || !errors.Is(err, notifier.ErrUnauthorized) {
				t.Fatalf("%+v, %v", who, err)
			}
			checkReason(t, err, token)
			return
		}
		checkAccepted(t, who, header, payload, flip)
	})
}

func BenchmarkJWT(b *testing.B) {
	k := private()
	for alg, key := range map[jose.SignatureAlgorithm]any{jose.HS256: []byte(secret), jose.RS256: k.rsa, jose.ES256: k.p256, jose.EdDSA: k.ed} {
		text := secret
		if signer, ok := key.(crypto.Signer); ok {
			text = publicPEM(b, signer)
		}
		j := newTestJWT(b, JWTConfig{Key: text})
		r := request("token="+sign(b, alg, key, good(""), nil), "")
		b.Run(string(alg), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := j.Subscriber(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func mac(text string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(text))
	return h.Sum(nil)
}

func checkAccepted(t *testing.T, who notifier.Identity, header, payload string, flip uint8) {
	t.Helper()
	h, ok1 := members(header)
	p, ok2 := members(payload)
	if !ok1 || !ok2 || flip != 0 || h["alg"] != "HS256" {
		t.Fatalf("accepted header %q, payload %q, flipped by %d", header, payload, flip)
	}
	if _, has := h["crit"]; has {
		t.Fatalf("accepted header %q", header)
	}
	if exp, ok := p["exp"].(json.Number); !ok {
		t.Fatalf("accepted exp %v", p["exp"])
	} else if n, _ := exp.Float64(); n < float64(time.Now().Unix()) {
		t.Fatalf("accepted exp %v", exp)
	}
	var want []string // distinct, in order
	more, _ := p["more"].([]any)
	for _, v := range append([]any{p["sub"]}, more...) {
		if k := fmt.Sprint(v); !slices.Contains(want, k) {
			want = append(want, k)
		}
		if notifier.CheckToken(fmt.Sprint(v)) != "" {
			t.Fatalf("accepted payload %q", payload)
		}
	}
	if !slices.Equal(who.Keys, want) || len(want) > notifier.MaxKeys {
		t.Fatalf("keys %q of payload %q", who.Keys, payload)
	}
}

// members is a JSON object whose names differ, as the standard library reads it.
func members(text string) (m map[string]any, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, false
	}
	m = map[string]any{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, false
		}
		if _, twice := m[name.(string)]; twice {
			return nil, false
		}
		var v any
		if d.Decode(&v) != nil {
			return nil, false
		}
		m[name.(string)] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, false
	}
	_, err := d.Token()
	return m, err != nil // the end
}
