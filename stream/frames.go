package stream

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/r3labs/sse/v2"

	"notifier"
)

// The heartbeat is a comment line alone: with a blank line after it several
// clients see an event without data.
var heartbeat = []byte(":\n")

// What the server itself says, to clients that asked for it.
var (
	pingFrame   = control("ping", "{}", "")
	closeFrames = map[Reason]notifier.Frame{}
)

func init() {
	for _, why := range []Reason{Drain, Revoked, Expired, Lifetime, Slow} {
		closeFrames[why] = control("close", fmt.Sprintf(`{"reason":%q}`, why), "")
	}
}

func control(name, data, id string) notifier.Frame {
	return notifier.EncodeFrame(&sse.Event{Event: []byte(notifier.ReservedPrefix + name), Data: []byte(data), ID: []byte(id)})
}

// readyFrame says where the stream starts, so that nothing is lost if it breaks
// before its first event.
func readyFrame(start notifier.ID, resumed bool) notifier.Frame {
	return control("ready", fmt.Sprintf(`{"resumed":%t}`, resumed), start.String())
}

// gapFrame says that events may be missing. Its id is where the stream goes on: a
// client that loses the stream right after it is not told of the same gap again.
func gapFrame(page notifier.Page) notifier.Frame {
	data := fmt.Sprintf(`{"reason":%q}`, page.Gap)
	if !page.Oldest.IsZero() {
		data = fmt.Sprintf(`{"reason":%q,"oldest":%q}`, page.Gap, page.Oldest)
	}
	return control("gap", data, page.Start.String())
}

// intro is what every stream begins with: how long to wait before reconnecting,
// and a comment, so that proxies and clients see bytes at once. There is no blank
// line: several clients would see an event without data.
func intro(retry time.Duration) []byte {
	b := append([]byte("retry: "), strconv.FormatInt(retry.Milliseconds(), 10)...)
	return append(b, "\n:\n"...)
}

// jitter is d within ±part of it.
func jitter(d time.Duration, part float64) time.Duration {
	return time.Duration(float64(d) * (1 + part*(2*rand.Float64()-1)))
}
