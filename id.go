package notifier

import (
	"errors"
	"strconv"
	"strings"
)

// An ID names an event and, at the same time, a position in a journal: a reader
// at an ID has seen everything up to and including it. Clients treat its text
// form as opaque.
//
// The text form is <epoch>-<sequence>: ten lower-case hexadecimal digits and a
// decimal number without leading zeros, 12 to 31 bytes, for instance
// "9f86d08188-42". It needs no escaping in a header, a URL or an SSE field.
type ID struct {
	// Epoch tells journals apart: 40 random bits of a journal's creation, never 0.
	Epoch uint64
	// Seq counts the publications of a journal from 1 on. 0 is the position
	// before the first.
	Seq uint64
}

const (
	epochBits   = 40
	epochDigits = epochBits / 4
)

// MaxEpoch is the largest value of [ID.Epoch].
const MaxEpoch = 1<<epochBits - 1

// ErrBadID reports a text that no journal can have written as an id.
var ErrBadID = errors.New("not an event id")

// IsZero reports whether the ID is none at all.
func (id ID) IsZero() bool { return id == ID{} }

// At returns the position seq of the same journal.
func (id ID) At(seq uint64) ID { return ID{Epoch: id.Epoch, Seq: seq} }

// String returns the text form.
func (id ID) String() string { return string(id.Append(nil)) }

// Append appends the text form to dst.
func (id ID) Append(dst []byte) []byte {
	const hex = "0123456789abcdef"
	for shift := epochBits - 4; shift >= 0; shift -= 4 {
		dst = append(dst, hex[id.Epoch>>shift&15])
	}
	dst = append(dst, '-')
	return strconv.AppendUint(dst, id.Seq, 10)
}

// ParseID reads the text form. It accepts exactly what [ID.String] writes, so
// that two texts of one position cannot exist; anything else is [ErrBadID].
func ParseID(s string) (ID, error) {
	epoch, seq, ok := strings.Cut(s, "-")
	if !ok || len(epoch) != epochDigits {
		return ID{}, ErrBadID
	}
	e, err := strconv.ParseUint(epoch, 16, epochBits)
	if err != nil || e == 0 {
		return ID{}, ErrBadID
	}
	n, err := strconv.ParseUint(seq, 10, 64)
	if err != nil {
		return ID{}, ErrBadID
	}
	id := ID{Epoch: e, Seq: n}
	if id.String() != s {
		return ID{}, ErrBadID
	}
	return id, nil
}
