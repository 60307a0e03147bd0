package notifier

import (
	"bytes"
	"slices"

	"github.com/r3labs/sse/v2"
)

// AppendFrame appends the event as streams carry it; see [AppendFrame].
func (e *Event) AppendFrame(dst []byte) []byte {
	var name []byte
	if e.Name != "" {
		name = []byte(e.Name)
	}
	var id [MaxID]byte
	return AppendFrame(dst, &sse.Event{Event: name, Data: e.Data, ID: e.ID.Append(id[:0])})
}

// AppendFrame encodes ev after the WHATWG HTML standard, section 9.2 (server-sent
// events): event, data, id, in that order, and a blank line. The id comes last
// because some clients store an id when they read its line: one that is cut off
// in the middle of a frame must not believe that it has seen the event. Retry and
// Comment are not events and not written.
//
// No input can write a field of its own: line ends split Data into several data
// lines, which a client joins with LF again; Event and ID lose CR, LF and NUL,
// which they cannot carry.
func AppendFrame(dst []byte, ev *sse.Event) []byte {
	dst = slices.Grow(dst, len("event: \ndata: \nid: \n\n")+len(ev.Event)+len(ev.Data)+len(ev.ID))
	if len(ev.Event) > 0 {
		dst = appendLine(append(dst, "event: "...), ev.Event)
	}
	dst = appendData(dst, ev.Data)
	if len(ev.ID) > 0 {
		dst = appendLine(append(dst, "id: "...), ev.ID)
	}
	return append(dst, '\n')
}

func appendData(b, data []byte) []byte {
	for {
		i := lineEnd(data)
		b = append(append(b, "data: "...), data[:i]...)
		b = append(b, '\n')
		switch rest := data[i:]; {
		case len(rest) == 0:
			return b
		case bytes.HasPrefix(rest, []byte("\r\n")):
			data = rest[2:]
		default:
			data = rest[1:]
		}
	}
}

// lineEnd is the index of the first CR or LF, len(data) if there is none. Two
// IndexByte are many times faster than one IndexAny.
func lineEnd(data []byte) int {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		data = data[:i]
	}
	if i := bytes.IndexByte(data, '\r'); i >= 0 {
		return i
	}
	return len(data)
}

func appendLine(b, s []byte) []byte {
	for _, c := range s {
		if c != '\r' && c != '\n' && c != 0 {
			b = append(b, c)
		}
	}
	return append(b, '\n')
}
