package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"net/http"
	"strings"

	"notifier"
)

// An API key is apiPrefix and the base64 of apiRandom random bytes and a checksum
// of them. The prefix and the checksum tell people, and scanners for secrets, what
// it is.
const (
	apiPrefix = "nk_"
	apiRandom = 32
)

// An apiHash is what the server knows of an API key.
type apiHash [sha256.Size]byte

// hashPrefix begins a hash in the configuration, and says which one it is.
const hashPrefix = "sha256:"

// APIKeys are the keys of publishers, by hash. They are read-only: any number of
// requests may be looked up at once.
//
// A key is 256 random bits and no password: nobody can try as many, so that the
// hash needs no salt and must not be slow, and one SHA-256 per request is enough. A
// password that somebody thought of cannot be a key, as it lacks the checksum. A
// lookup compares in no constant time, but it compares hashes: its time can tell
// something of the hash of a guess, from which no better guess follows.
type APIKeys map[apiHash]*notifier.Publisher

// NewAPIKey makes a key, and the hash of it that is configured.
func NewAPIKey() (key, hash string) {
	b := make([]byte, apiRandom)
	rand.Read(b) // never fails
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	key = apiPrefix + base64.RawURLEncoding.EncodeToString(b)
	sum := sha256.Sum256([]byte(key))
	return key, hashPrefix + hex.EncodeToString(sum[:])
}

// isAPIKey reports whether s can be from [NewAPIKey].
func isAPIKey(s string) bool {
	text, ok := strings.CutPrefix(s, apiPrefix)
	if !ok || len(text) != base64.RawURLEncoding.EncodedLen(apiRandom+crc32.Size) {
		return false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && binary.BigEndian.Uint32(b[apiRandom:]) == crc32.ChecksumIEEE(b[:apiRandom])
}

// Publisher says whose key a request has as Authorization: Bearer or X-API-Key. It
// looks nowhere else, least of all at cookies: a browser sends those along with
// whatever any page makes it send. The error is notifier.ErrUnauthorized, or a
// notifier.FieldErrors for two keys that differ.
func (k APIKeys) Publisher(r *http.Request) (*notifier.Publisher, error) {
	key, _, err := single(inHeaders(r))
	if err != nil {
		return nil, err
	}
	if isAPIKey(key) {
		if who := k[sha256.Sum256([]byte(key))]; who != nil {
			return who, nil
		}
	}
	return nil, notifier.ErrUnauthorized
}

func inHeaders(r *http.Request) []sent {
	all := inAuthorization(r)
	for _, value := range r.Header.Values("X-API-Key") {
		all = append(all, sent{strings.TrimSpace(value), "X-API-Key"})
	}
	return all
}
