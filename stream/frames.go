package stream

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/r3labs/sse/v2"

	"notifier"
)

// A frame is bytes that streams share, encoded once, for both kinds of
// connections: as one chunk of HTTP/1.1 (RFC 9112, section 7.1) and, inside it, as
// they are.
type frame struct {
	chunk []byte // length CRLF payload CRLF
	at    int    // where the payload begins
}

// frameOf encodes what appendTo appends: what the server itself says is short.
func frameOf(appendTo func([]byte) []byte) frame { return sizedFrame(128, appendTo) }

// sizedFrame is [frameOf] for about as many bytes as expected. The length, which is
// known last, is written right before the payload.
func sizedFrame(expected int, appendTo func([]byte) []byte) frame {
	const room = 10 // 8 digits and CRLF
	b := appendTo(make([]byte, room, room+expected+len("\r\n")))
	size := len(b) - room
	var digits [8]byte
	hex.Encode(digits[:], []byte{byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)})
	start := 0
	for start < 7 && digits[start] == '0' {
		start++
	}
	copy(b[start:], digits[start:])
	copy(b[8:], "\r\n")
	return frame{append(b, "\r\n"...)[start:], room - start}
}

func eventFrame(e *notifier.Event) frame {
	var id [notifier.MaxID]byte
	size := len("event: \ndata: \nid: \n\n") + len(e.Name) + len(e.Data) + len(e.ID.Append(id[:0]))
	return sizedFrame(size, e.AppendFrame)
}

// payload is the frame for connections without chunks.
func (f frame) payload() []byte { return f.chunk[f.at : len(f.chunk)-2] }

func (f frame) size() int { return len(f.chunk) }

// lastChunk ends a chunked answer.
var lastChunk = []byte("0\r\n\r\n")

// The heartbeat is a comment line alone: with a blank line after it several
// clients see an event without data.
var heartbeat = textFrame(":\n")

func textFrame(s string) frame {
	return sizedFrame(len(s), func(b []byte) []byte { return append(b, s...) })
}

// What the server itself says, to clients that asked for it.
var (
	pingFrame   = frameOf(func(b []byte) []byte { return appendControl(b, "ping", "{}", "") })
	closeFrames = map[Reason]frame{}
)

func init() {
	for _, why := range []Reason{Drain, Revoked, Expired, Lifetime, Slow} {
		closeFrames[why] = frameOf(func(b []byte) []byte {
			return appendControl(b, "close", fmt.Sprintf(`{"reason":%q}`, why), "")
		})
	}
}

func appendControl(b []byte, name, data, id string) []byte {
	return notifier.AppendFrame(b, &sse.Event{
		Event: []byte(notifier.ReservedPrefix + name), Data: []byte(data), ID: []byte(id),
	})
}

// appendReady says where the stream starts, so that nothing is lost if it breaks
// before its first event.
func appendReady(b []byte, start notifier.ID, resumed bool) []byte {
	return appendControl(b, "ready", fmt.Sprintf(`{"resumed":%t}`, resumed), start.String())
}

// appendGap says that events may be missing. Its id is where the stream goes on.
func appendGap(b []byte, page notifier.Page, start notifier.ID) []byte {
	data := fmt.Sprintf(`{"reason":%q}`, page.Gap)
	if !page.Oldest.IsZero() {
		data = fmt.Sprintf(`{"reason":%q,"oldest":%q}`, page.Gap, page.Oldest)
	}
	return appendControl(b, "gap", data, start.String())
}

// intro is what every stream begins with: how long to wait before reconnecting,
// and a comment, so that proxies and clients see bytes at once. There is no blank
// line: several clients would see an event without data.
func intro(retry time.Duration) frame {
	return textFrame("retry: " + strconv.FormatInt(retry.Milliseconds(), 10) + "\n:\n")
}

// jitter is d within ±part of it.
func jitter(d time.Duration, part float64) time.Duration {
	return time.Duration(float64(d) * (1 + part*(2*rand.Float64()-1)))
}
