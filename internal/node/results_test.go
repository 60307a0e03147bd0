package node

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"notifier"
	"notifier/ingest"
	"notifier/journal"
)

func TestResultOf(t *testing.T) {
	for want, errs := range map[result][]error{
		invalid:     {notifier.BadField("f", "is bad"), notifier.ErrTooLarge, notifier.ErrMediaType, notifier.ErrTimeout},
		denied:      {notifier.ErrUnauthorized, notifier.ErrForbidden, notifier.Denied{{Field: "tokens[0]"}}},
		conflict:    {notifier.ErrConflict},
		limited:     {&notifier.LimitError{Limit: "publish-rate"}},
		unavailable: {fmt.Errorf("disk: %w", notifier.ErrUnavailable)},
		aborted:     {context.Canceled},
		failed:      {errors.New("a mistake")},
	} {
		for _, err := range errs {
			if got := resultOf(err); got != want {
				t.Errorf("%v: %s, want %s", err, resultNames[got], resultNames[want])
			}
		}
	}
	if n := len(new(results).read()); n != int(failed)+1 {
		t.Errorf("%d names", n)
	}
}

// Counting allocates nothing.
func TestResultsCostNothing(t *testing.T) {
	log := journal.Memory(journal.Options{})
	defer log.Close()
	pubs := []notifier.Publication{{Tokens: []string{"1"}, Data: []byte("{}")}}
	allocs := func(append ingest.Append) float64 {
		return testing.AllocsPerRun(100, func() { append(context.Background(), pubs) })
	}
	if plain, counted := allocs(log.Append), allocs(new(results).append(log.Append)); counted != plain {
		t.Errorf("%v allocations, without %v", counted, plain)
	}
}
