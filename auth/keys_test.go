package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestKeys(t *testing.T) {
	k := private()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	self := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate, err := x509.CreateCertificate(rand.Reader, self, self, k.p256.Public(), k.p256)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(k.rsa)
	if err != nil {
		t.Fatal(err)
	}
	public := publicPEM(t, k.rsa)
	for _, tt := range []struct {
		name, text string
		accepted   []string
		keys       int
		wrong      string // "" if right
	}{
		{"secret", secret, nil, 1, ""},
		{"short secret", strings.Repeat("x", 31), nil, 0, "a secret must have at least 32 bytes"},
		{"secret for others", secret, []string{"RS256"}, 0, "it is for [HS256], of which none is accepted"},
		{"secret too short for it", secret, []string{"HS512"}, 0, "it is for [HS256], of which none is accepted"},
		{"two keys", publicPEM(t, k.rsa, k.ed), nil, 2, ""},
		{"with text between", "# alice\n" + public + "\n# bob\n" + public + "\n\n", nil, 2, ""},
		{"PKCS #1", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&k.rsa.PublicKey)), nil, 1, ""},
		{"certificate", block("CERTIFICATE", certificate), []string{"ES256"}, 1, ""},
		{"key for others", public + publicPEM(t, k.p384), []string{"RS256", "ES256"}, 0, "key 2: it is for [ES384], of which none is accepted"},
		{"unknown algorithm", public, []string{"RS257"}, 0, `"RS257" is not a known algorithm`},
		{"none", public, []string{"none"}, 0, `"none" is not a known algorithm`},
		{"small RSA key", publicPEM(t, small), nil, 0, "key 1: an RSA key must have at least 2048 bits"},
		{"private key", public + block("PRIVATE KEY", pkcs8), nil, 0, "key 2: it is a private key"},
		{"another kind", block("CERTIFICATE REQUEST", nil), nil, 0, "key 1: it must be a PUBLIC KEY or a CERTIFICATE"},
		{"bad key", block("PUBLIC KEY", []byte("x")), nil, 0, "key 1: asn1: "},
		{"bad certificate", block("CERTIFICATE", []byte("x")), nil, 0, "key 1: x509: "},
		{"cut", public[:len(public)-10], nil, 0, "what follows key 0 is not PEM"},
		{"rest", public + "-----BEGIN ", nil, 0, "what follows key 1 is not PEM"},
		{"too many", strings.Repeat(publicPEM(t, k.ed), 17), nil, 0, "there may be at most 16 keys"},
	} {
		j, err := NewJWT(JWTConfig{Key: tt.text, Algorithms: tt.accepted})
		switch {
		case tt.wrong == "" && err != nil, tt.wrong != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.wrong)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.wrong)
		case tt.wrong == "" && len(*j.fixed.Load()) != tt.keys:
			t.Errorf("%s: %d keys, want %d", tt.name, len(*j.fixed.Load()), tt.keys)
		case err != nil && strings.Contains(err.Error(), secret):
			t.Errorf("%s: the error tells it: %v", tt.name, err)
		}
	}
}

func TestPrepareKey(t *testing.T) {
	j := newTestJWT(t, JWTConfig{Key: secret})
	old := request("token="+hs256(t, good("")), "")
	next := request("token="+sign(t, jose.EdDSA, private().ed, good(""), nil), "")
	good := func(when string, wantOld, wantNext bool) {
		t.Helper()
		_, err := j.Subscriber(old)
		_, err2 := j.Subscriber(next)
		if (err == nil) != wantOld || (err2 == nil) != wantNext {
			t.Errorf("%s: %v and %v", when, err, err2)
		}
	}
	good("at first", true, false)
	if _, err := j.PrepareKey("short"); err == nil {
		t.Error("a short secret was taken")
	}
	use, err := j.PrepareKey(publicPEM(t, private().ed))
	if err != nil {
		t.Fatal(err)
	}
	good("prepared", true, false)
	use()
	good("replaced", false, true)
}
