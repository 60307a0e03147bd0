package limit

import (
	"time"

	"golang.org/x/time/rate"
)

// A Pace is how fast somebody may go on: Rate a second, after Burst at once. A Rate
// of 0 is no limit.
type Pace struct{ Rate, Burst int }

// fill is how long an empty bucket takes to be full.
func (p Pace) fill() time.Duration {
	return time.Duration(float64(p.Burst) / float64(p.Rate) * float64(time.Second))
}

// buckets are the token buckets of many, by who it is. A bucket that was not used
// for as long as it takes to be full is the same as none, and is forgotten: there
// are two generations, and the older one is dropped as a whole. The user locks it.
type buckets[K comparable] struct {
	young, old map[K]*rate.Limiter
	turned     time.Time // when young was begun
}

// reserve takes one from a bucket. The reservation says whether it was there, or
// when it will be.
func (b *buckets[K]) reserve(who K, p Pace, now time.Time) *rate.Reservation {
	if b.young == nil || now.Sub(b.turned) > p.fill() {
		b.young, b.old, b.turned = map[K]*rate.Limiter{}, b.young, now
	}
	l, known := b.young[who]
	if !known {
		l = b.old[who]
	}
	if l == nil || l.Limit() != rate.Limit(p.Rate) || l.Burst() != p.Burst { // or the setting has changed
		l, known = rate.NewLimiter(rate.Limit(p.Rate), p.Burst), false
	}
	if !known {
		b.young[who] = l
	}
	return l.ReserveN(now, 1)
}

// A taking is what one request takes from several buckets: from all or from none.
type taking struct {
	now   time.Time
	taken []*rate.Reservation
}

// take notes what was reserved. If that is not there yet it gives back everything
// that was noted, and returns how long it would be to wait.
func (t *taking) take(r *rate.Reservation) (wait time.Duration) {
	t.taken = append(t.taken, r)
	if wait = r.DelayFrom(t.now); wait > 0 {
		for _, r := range t.taken {
			r.CancelAt(t.now)
		}
	}
	return wait
}
