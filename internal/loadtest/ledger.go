package loadtest

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// A publication is what is known of one that was sent.
type publication struct {
	to    []int // tokens
	taken bool  // the server said so; otherwise it may have arrived or not
}

// A ledger knows what was published. It may be used concurrently.
type ledger struct {
	mu           sync.Mutex
	publications []publication
	taken        int
	failed       int
	failure      error // the first
}

// record notes how a publication went. One that was interrupted is none.
func (l *ledger) record(n int, to []int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.publications[n] = publication{to: to, taken: err == nil}
	switch {
	case err == nil:
		l.taken++
	case !errors.Is(err, context.Canceled):
		l.failed++
		if l.failure == nil {
			l.failure = err
		}
	}
}

func (l *ledger) published() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken
}

// reason is the first failure.
func (l *ledger) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

// wanted is how many deliveries there should be, given how many streams each
// token has.
func (l *ledger) wanted(streams []int64) (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.publications {
		if p.taken {
			for _, token := range p.to {
				n += streams[token]
			}
		}
	}
	return n
}

// A tally is what became of the publications to one stream.
type tally struct{ lost, doubled, misrouted int }

// expected are the publications to each token, in order: those that must have
// come, and those that may have.
func (l *ledger) expected(tokens int) (must, may [][]int32) {
	must, may = make([][]int32, tokens), make([][]int32, tokens)
	for n, p := range l.publications {
		for _, token := range p.to {
			if p.taken {
				must[token] = append(must[token], int32(n))
			} else {
				may[token] = append(may[token], int32(n))
			}
		}
	}
	return must, may
}

// compare holds what a stream got against what it must and may have got. It sorts
// got.
func compare(got, must, may []int32) (t tally) {
	slices.Sort(got)
	distinct := slices.Compact(slices.Clone(got))
	t.doubled = len(got) - len(distinct)
	t.lost = len(must)
	for _, n := range distinct {
		if _, ok := slices.BinarySearch(must, n); ok {
			t.lost--
		} else if _, ok := slices.BinarySearch(may, n); !ok {
			t.misrouted++
		}
	}
	return t
}
