package journal

import (
	"crypto/sha256"
	"time"

	"notifier"
)

// keys remembers idempotency keys for a window of time. Its memory is one entry
// for each publication with a key in the window.
type keys struct {
	window time.Duration
	known  map[string]claim
	order  []claim // oldest first
}

// A claim is the first publication with a key.
type claim struct {
	key    string
	id     notifier.ID
	digest [sha256.Size]byte
	until  time.Time
}

func newKeys(window time.Duration) *keys {
	return &keys{window: window, known: map[string]claim{}}
}

// claim returns the ack of an earlier publication with the same key, or takes the
// key for id.
func (k *keys) claim(p *notifier.Publication, id notifier.ID, now time.Time) notifier.Ack {
	k.expire(now)
	digest := p.Digest()
	if c, ok := k.known[p.Key]; ok {
		if c.digest != digest {
			return notifier.Ack{Err: notifier.ErrConflict}
		}
		return notifier.Ack{ID: c.id, Duplicate: true}
	}
	c := claim{key: p.Key, id: id, digest: digest, until: now.Add(k.window)}
	k.known[p.Key] = c
	k.order = append(k.order, c)
	return notifier.Ack{ID: id}
}

func (k *keys) expire(now time.Time) {
	for len(k.order) > 0 && !now.Before(k.order[0].until) {
		delete(k.known, k.order[0].key)
		k.order = k.order[1:]
	}
}
