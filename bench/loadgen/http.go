//go:build linux

package main

import (
	"bytes"
	"errors"
	"strconv"
)

// decoder takes an HTTP/1.1 response apart as it arrives: the header, then the
// body, identity or chunked, piece by piece. After status 101 it takes the frames
// of a websocket.
type decoder struct {
	phase  phase
	opcode byte
	// digits is that a chunk's size has some, or that no piece of a frame came yet.
	digits bool
	ended  bool  // the size is complete: what follows on its line is an extension
	left   int64 // of the chunk or frame
	head   []byte
}

type phase uint8

const (
	inHeader phase = iota
	inIdentity
	inSize
	inChunk
	afterChunk
	inTrailer
	inFrameHead
	inFrame
)

var (
	errHeader = errors.New("bad response header")
	errChunk  = errors.New("bad chunk")
)

// taker takes what a decoder finds.
type taker interface {
	header(status int) error
	body([]byte)
	frame(opcode byte, first bool, piece []byte, last bool)
}

// maxHeader is more than any server here sends.
const maxHeader = 64 << 10

func (d *decoder) feed(b []byte, t taker) (err error) {
	for len(b) > 0 && err == nil {
		switch d.phase {
		case inHeader:
			b, err = d.header(b, t)
		case inIdentity:
			t.body(b)
			return nil
		case inSize:
			b, err = b[1:], d.size(b[0])
		case inChunk:
			n := min(int64(len(b)), d.left)
			t.body(b[:n])
			b, d.left = b[n:], d.left-n
			if d.left == 0 {
				d.phase = afterChunk
			}
		case afterChunk:
			b, err = b[1:], d.chunkEnd(b[0])
		case inTrailer:
			return nil
		case inFrameHead:
			d.frameHead(b[0], t)
			b = b[1:]
		case inFrame:
			n := min(int64(len(b)), d.left)
			first := d.digits
			d.digits, d.left = false, d.left-n
			if d.left == 0 {
				d.phase = inFrameHead
			}
			t.frame(d.opcode, first, b[:n], d.left == 0)
			b = b[n:]
		}
	}
	return err
}

// header collects the header and returns what follows it.
func (d *decoder) header(b []byte, t taker) ([]byte, error) {
	had := len(d.head)
	d.head = append(d.head, b...)
	end := bytes.Index(d.head, []byte("\r\n\r\n"))
	if end < 0 {
		if len(d.head) > maxHeader {
			return nil, errHeader
		}
		return nil, nil
	}
	end += 4
	head := d.head[:end]
	status, err := statusOf(head)
	if err != nil {
		return nil, err
	}
	d.head = nil
	switch {
	case status == 101:
		d.phase = inFrameHead
	case status < 200: // the real one follows
		return b[end-had:], nil
	case fieldHas(head, "transfer-encoding", "chunked"):
		d.phase = inSize
	default:
		d.phase = inIdentity
	}
	return b[end-had:], t.header(status)
}

func (d *decoder) size(c byte) error {
	v, hex := hexValue(c)
	switch {
	case c == '\n':
		if !d.digits {
			return errChunk
		}
		d.digits, d.ended = false, false
		d.phase = inChunk
		if d.left == 0 {
			d.phase = inTrailer
		}
	case c == '\r' || d.ended:
	case c == ';' || c == ' ':
		d.ended = true
	case !hex || d.left > 1<<40:
		return errChunk
	default:
		d.left, d.digits = d.left<<4|int64(v), true
	}
	return nil
}

func (d *decoder) chunkEnd(c byte) error {
	switch c {
	case '\r':
	case '\n':
		d.phase = inSize
	default:
		return errChunk
	}
	return nil
}

// frameHead collects the head of a websocket frame, which a server does not mask:
// opcode, length, and the length in 2 or 8 more bytes if it is 126 or 127.
func (d *decoder) frameHead(c byte, t taker) {
	d.head = append(d.head, c)
	if len(d.head) < 2 {
		return
	}
	length, more := int64(d.head[1]&0x7f), 0
	switch length {
	case 126:
		more = 2
	case 127:
		more = 8
	}
	if len(d.head) < 2+more {
		return
	}
	if more > 0 {
		length = 0
		for _, b := range d.head[2:] {
			length = length<<8 | int64(b)
		}
	}
	d.opcode, d.left, d.digits = d.head[0]&15, length, true
	d.head = d.head[:0]
	if length == 0 {
		t.frame(d.opcode, true, nil, true)
		return
	}
	d.phase = inFrame
}

func hexValue(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func statusOf(head []byte) (int, error) {
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("HTTP/1.")) {
		return 0, errHeader
	}
	status, err := strconv.Atoi(string(head[9:12]))
	if err != nil {
		return 0, errHeader
	}
	return status, nil
}

// field finds a field of a header.
func field(head []byte, name string) (string, bool) {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		key, value, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.EqualFold(key, []byte(name)) {
			return string(bytes.TrimSpace(value)), true
		}
	}
	return "", false
}

func fieldHas(head []byte, name, value string) bool {
	v, ok := field(head, name)
	return ok && bytes.Contains(bytes.ToLower([]byte(v)), []byte(value))
}
