package logtest

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"notifier"
)

var closeTests = []test{
	{"close/refuses", false, unbounded, closeRefuses},
	{"close/while appending", false, unbounded, closeWhileAppending},
	{"close/waits", false, unbounded, closeWaits},
}

func closeRefuses(f *fixture) {
	fo := f.follow()
	ids := f.words("1", "a b")
	for range 2 {
		if err := f.log.Close(); err != nil {
			f.Errorf("Close: %v", err)
		}
		_, appendErr := f.log.Append(f.Context(), []notifier.Publication{pub("c", "1")})
		_, replayErr := f.log.Replay(f.Context(), everything("1"))
		_, forgetErr := f.log.Forget(f.Context(), "1")
		for what, err := range map[string]error{"Append": appendErr, "Replay": replayErr, "Forget": forgetErr} {
			if !errors.Is(err, notifier.ErrUnavailable) {
				f.Errorf("%s after Close: %v", what, err)
			}
		}
	}
	fo.check(f, ids)
	if f.reopen != nil {
		f.restart()
		f.expect(everything("1"), answer{events: "a b"})
	}
}

// closeWhileAppending: an append is done, and told, or refused as a whole.
func closeWhileAppending(f *fixture) {
	fo := f.follow()
	const publishers = 8
	acked := make([][]notifier.ID, publishers)
	var all sync.WaitGroup
	for i := range publishers {
		all.Go(func() {
			for {
				acks, err := f.log.Append(f.Context(), []notifier.Publication{pub("x", "1"), pub("y", "1")})
				if err != nil {
					if !errors.Is(err, notifier.ErrUnavailable) {
						f.Errorf("Append: %v", err)
					}
					return
				}
				acked[i] = append(acked[i], acks[0].ID, acks[1].ID)
			}
		})
	}
	fo.wait(100)
	if err := f.log.Close(); err != nil {
		f.Errorf("Close: %v", err)
	}
	told := len(fo.deliveries())
	all.Wait()
	ids := slices.Concat(acked...)
	slices.SortFunc(ids, func(a, b notifier.ID) int { return int(a.Seq) - int(b.Seq) })
	fo.check(f, ids)
	if told != len(ids) {
		f.Errorf("%d events told when Close returned, %d in the end", told, len(ids))
	}
	if f.reopen != nil {
		f.restart()
		if events := f.pages(everything("1")); len(events) != len(ids) {
			f.Errorf("%d events of %d are there again", len(events), len(ids))
		}
	}
}

// closeWaits: an append that has begun is told before Close returns.
func closeWaits(f *fixture) {
	telling, goOn := make(chan struct{}), make(chan struct{})
	var told atomic.Bool
	f.log.Follow(func([]notifier.Delivery) {
		close(telling)
		<-goOn
		told.Store(true)
	})
	var both sync.WaitGroup
	both.Go(func() { f.append(pub("a", "1")) })
	<-telling
	both.Go(func() {
		if err := f.log.Close(); err != nil || !told.Load() {
			f.Errorf("Close returned %v; the follower had been told: %v", err, told.Load())
		}
	})
	for range 1000 {
		runtime.Gosched() // every chance for Close to return too early
	}
	close(goOn)
	both.Wait()
}
