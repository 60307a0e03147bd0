package journal

import (
	"crypto/hmac"
	"crypto/sha256"
	stdhash "hash"
	"sync"
)

// A hash stands on disk for a token or an idempotency key: the first 128 bits of
// its HMAC-SHA256 under the journal's secret. Among a billion tokens the odds that
// any two have one hash are 1 to 10^21.
type hash [16]byte

// allToken is the hash under which events for all stand.
var allToken hash

// A hasher computes hashes under one secret. It may be used concurrently.
type hasher struct{ pool sync.Pool }

func newHasher(secret []byte) *hasher {
	h := &hasher{}
	h.pool.New = func() any { return hmac.New(sha256.New, secret) }
	return h
}

// What a hash is of, so that a token and a key of the same text differ.
const (
	ofToken = 't'
	ofKey   = 'k'
	ofBody  = 'b'
)

func (h *hasher) sum(of byte, text []byte) (sum hash) {
	mac := h.pool.Get().(stdhash.Hash)
	mac.Reset()
	mac.Write([]byte{of})
	mac.Write(text)
	var full [sha256.Size]byte
	copy(sum[:], mac.Sum(full[:0]))
	h.pool.Put(mac)
	return sum
}

func (h *hasher) token(token string) hash { return h.sum(ofToken, []byte(token)) }

func (h *hasher) tokens(tokens []string) []hash {
	sums := make([]hash, len(tokens))
	for i, t := range tokens {
		sums[i] = h.token(t)
	}
	return sums
}
