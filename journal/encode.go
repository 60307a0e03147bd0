package journal

import (
	"encoding/binary"
	"errors"
	"time"

	"notifier"
)

// errCorrupt reports a value that no journal has written.
var errCorrupt = errors.New("corrupt value")

// A head is what a reader must know of an event to decide whether it is kept and
// wanted.
//
//	flags 1 · time 8 · ttl uvarint · size of the data uvarint · [except 16]
type head struct {
	time   int64 // nanoseconds since 1970
	ttl    time.Duration
	size   int
	wide   bool // the body is elsewhere; otherwise it follows
	except hash // allToken for none
}

const (
	flagWide   = 1 << 0
	flagExcept = 1 << 1
)

// headTime is where a head has its time, which is written last.
const headTime = 1

func (h *head) append(dst []byte) []byte {
	var flags byte
	if h.wide {
		flags |= flagWide
	}
	if h.except != allToken {
		flags |= flagExcept
	}
	dst = append(dst, flags)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.time))
	dst = binary.AppendUvarint(dst, uint64(h.ttl))
	dst = binary.AppendUvarint(dst, uint64(h.size))
	if h.except != allToken {
		dst = append(dst, h.except[:]...)
	}
	return dst
}

// decodeHead returns the head of a value and what follows it.
func decodeHead(value []byte) (h head, body []byte, err error) {
	if len(value) < headTime+8 {
		return h, nil, errCorrupt
	}
	flags := value[0]
	h.wide = flags&flagWide != 0
	h.time = int64(binary.BigEndian.Uint64(value[headTime:]))
	body = value[headTime+8:]
	var number [2]uint64
	for i := range number {
		n, size := binary.Uvarint(body)
		if size <= 0 {
			return h, nil, errCorrupt
		}
		number[i], body = n, body[size:]
	}
	h.ttl, h.size = time.Duration(number[0]), int(number[1])
	if flags&flagExcept != 0 {
		if len(body) < len(h.except) {
			return h, nil, errCorrupt
		}
		body = body[copy(h.except[:], body):]
	}
	return h, body, nil
}

// appendBody appends the rest of an event: length of the name uvarint · name · data.
func appendBody(dst []byte, p *notifier.Publication) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(p.Name)))
	dst = append(dst, p.Name...)
	return append(dst, p.Data...)
}

// decodeEvent makes an event of its head and body, of which it keeps nothing.
func decodeEvent(id notifier.ID, h head, body []byte) (notifier.Event, error) {
	n, size := binary.Uvarint(body)
	if size <= 0 || n > uint64(len(body)-size) || uint64(len(body)-size)-n != uint64(h.size) {
		return notifier.Event{}, errCorrupt
	}
	name, data := body[size:size+int(n)], body[size+int(n):]
	return notifier.Event{
		ID:   id,
		Time: time.Unix(0, h.time),
		TTL:  h.ttl,
		Name: string(name),
		Data: append(make([]byte, 0, len(data)), data...),
	}, nil
}
