package journal

import (
	"crypto/sha256"
	"time"

	"notifier"
)

// keys remembers idempotency keys for a window of time; a negative one is for
// ever. Of more than max keys it forgets the oldest earlier.
type keys struct {
	window time.Duration
	max    int
	known  map[string]claim
	order  []string // oldest first
}

// maxKeys is some 200 MB of keys.
const maxKeys = 1 << 20

// A claim is the first publication with a key.
type claim struct {
	id     notifier.ID
	digest [sha256.Size]byte
	taken  time.Time
}

// claim takes the key of a publication for id. If the key is known already it
// returns false and the publication's answer.
func (k *keys) claim(p *notifier.Publication, id notifier.ID, now time.Time) (notifier.Ack, bool) {
	if p.Key == "" {
		return notifier.Ack{ID: id}, true
	}
	digest := p.Digest()
	c, known := k.known[p.Key]
	switch {
	case !known:
		k.known[p.Key] = claim{id, digest, now}
		k.order = append(k.order, p.Key)
		return notifier.Ack{ID: id}, true
	case c.digest != digest:
		return notifier.Ack{Err: notifier.ErrConflict}, false
	}
	return notifier.Ack{ID: c.id, Duplicate: true}, false
}

// expire forgets the keys whose window is over, and those that are too many.
func (k *keys) expire(now time.Time) {
	for len(k.order) > 0 {
		first := k.order[0]
		old := k.window >= 0 && now.Sub(k.known[first].taken) >= k.window
		if !old && len(k.order) <= k.max {
			return
		}
		delete(k.known, first)
		k.order[0] = ""
		k.order = k.order[1:]
	}
}
