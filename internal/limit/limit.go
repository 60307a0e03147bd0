// Package limit refuses what one publisher, one token or one address does too
// often: publications and connections by their rate, open streams by their number.
// It also knows which address a request is from, behind proxies that are trusted.
//
// A refusal takes nothing from anybody, and of whoever was quiet for a few seconds
// nothing is kept: memory does not grow with the names ever seen.
//
// It answers no HTTP. A refusal is a [notifier.LimitError], which never contains a
// token or an address. All methods may be called concurrently.
package limit

import (
	"fmt"
	"time"

	"notifier"
)

func refusal(setting string, after time.Duration, format string, args ...any) error {
	return &notifier.LimitError{Limit: setting, Detail: fmt.Sprintf(format, args...), After: after}
}
