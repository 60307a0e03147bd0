package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const someSecret = "a-secret-of-thirty-two-bytes-or-more"

// claimsOf verifies a token and returns what it claims.
func claimsOf(t *testing.T, token string, key any, alg jose.SignatureAlgorithm) (claims map[string]any, header jose.Header) {
	t.Helper()
	parsed, err := jwt.ParseSigned(strings.TrimSpace(token), []jose.SignatureAlgorithm{alg})
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.Claims(key, &claims); err != nil {
		t.Fatal(err)
	}
	return claims, parsed.Headers[0]
}

func TestToken(t *testing.T) {
	begun := time.Now().Unix()
	out, errs, code := run(t, []string{"NOTIFIER_JWT_KEY=" + someSecret, "NOTIFIER_JWT_ISSUER=me", "NOTIFIER_JWT_AUDIENCE=you", "NOTIFIER_JWT_CLAIM=user", "NOTIFIER_JWT_LIST_CLAIM=groups"},
		"token", "--sub=alice", "--tokens=a,b", "--scope=notifier:publish notifier:control", "--prefixes=shop-,x", "--ttl=2h", "--id=7", "--key-id=k1")
	if code != 0 {
		t.Fatalf("code %d: %s", code, errs)
	}
	got, header := claimsOf(t, out, []byte(someSecret), jose.HS256)
	iat, _ := got["iat"].(float64)
	if iat < float64(begun) || got["exp"] != iat+7200 {
		t.Errorf("iat %v, exp %v", got["iat"], got["exp"])
	}
	delete(got, "iat")
	delete(got, "exp")
	want := map[string]any{"sub": "alice", "user": "alice", "groups": []any{"a", "b"}, "iss": "me", "aud": "you", "jti": "7",
		"scope": "notifier:publish notifier:control", "prefixes": []any{"shop-", "x"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if header.KeyID != "k1" || header.ExtraHeaders["typ"] != "JWT" {
		t.Errorf("header %+v", header)
	}

	out, _, _ = run(t, nil, "token", "--sub=1", "--jwt-key="+someSecret)
	got, _ = claimsOf(t, out, []byte(someSecret), jose.HS256)
	if len(got) != 3 || got["sub"] != "1" {
		t.Errorf("claims %v, want sub, iat and exp", got)
	}
}

func TestTokenKeys(t *testing.T) {
	dir := t.TempDir()
	file := func(name, kind string, der []byte, err error) string {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return "@" + filepath.Join(dir, name)
	}
	pkcs8 := func(name string, k crypto.Signer) string {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		return file(name, "PRIVATE KEY", der, err)
	}
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	sec1, err := x509.MarshalECPrivateKey(p256)
	for _, tt := range []struct {
		key    string
		public any
		alg    jose.SignatureAlgorithm
	}{
		{pkcs8("rsa", rsaKey), rsaKey.Public(), jose.RS256},
		{file("pkcs1", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil), rsaKey.Public(), jose.RS256},
		{file("sec1", "EC PRIVATE KEY", sec1, err), p256.Public(), jose.ES256},
		{pkcs8("p384", p384), p384.Public(), jose.ES384},
		{pkcs8("ed", ed), ed.Public(), jose.EdDSA},
	} {
		out, errs, code := run(t, nil, "token", "--sub=1", "--jwt-key="+tt.key)
		if code != 0 {
			t.Errorf("%s: code %d: %s", tt.alg, code, errs)
			continue
		}
		claimsOf(t, out, tt.public, tt.alg)
	}

	public, err := x509.MarshalPKIXPublicKey(ed.Public())
	for key, want := range map[string]string{
		"hush":            "--jwt-key: a secret must have at least 32 bytes",
		"@none":           "--jwt-key: open none: ",
		"-----BEGIN hush": "--jwt-key: it is not PEM",
		file("public", "PUBLIC KEY", public, err): "--jwt-key: it is a PUBLIC KEY; to sign takes a private key",
	} {
		out, errs, code := run(t, nil, "token", "--sub=1", "--jwt-key="+key)
		if code == 0 || out != "" || !strings.Contains(errs, want) || strings.Contains(errs, "hush") {
			t.Errorf("code %d, %q, %q, want %q", code, out, errs, want)
		}
	}
}
