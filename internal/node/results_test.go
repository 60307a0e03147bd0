package node

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"notifier"
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
