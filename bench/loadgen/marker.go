//go:build linux

package main

import (
	"bytes"
	"errors"
)

// A payload is one fixed-width marker followed by padding, letters and digits
// only, so that it can stand unescaped in JSON, in a form and in a URL:
//
//	LGq | run (4 hex) | seq (8 hex) | due, Unix ns (16 hex) | Z | xxxx…
const (
	markerPrefix = "LGq"
	markerHex    = 4 + 8 + 16
	markerLen    = len(markerPrefix) + markerHex + 1
)

const hexDigits = "0123456789abcdef"

func putHex(dst []byte, v uint64, width int) []byte {
	for i := width - 1; i >= 0; i-- {
		dst = append(dst, hexDigits[(v>>(4*uint(i)))&15])
	}
	return dst
}

// marker says which message of which run a payload is, and when it was due.
type marker struct {
	run uint16
	seq uint32
	ns  int64 // Unix time
}

// appendPayload appends a payload padded to size bytes, but never shorter than its
// marker.
func appendPayload(dst []byte, m marker, size int) []byte {
	dst = append(dst, markerPrefix...)
	dst = putHex(dst, uint64(m.run), 4)
	dst = putHex(dst, uint64(m.seq), 8)
	dst = putHex(dst, uint64(m.ns), 16)
	dst = append(dst, 'Z')
	for range size - markerLen {
		dst = append(dst, 'x')
	}
	return dst
}

var errMarker = errors.New("bad marker")

func parseHex(b []byte) (v uint64, ok bool) {
	for _, c := range b {
		digit, ok := hexValue(c)
		if !ok {
			return 0, false
		}
		v = v<<4 | uint64(digit)
	}
	return v, true
}

// parseMarker reads the part behind the prefix: 28 hex digits and a Z.
func parseMarker(b []byte) (m marker, err error) {
	if len(b) != markerHex+1 || b[markerHex] != 'Z' {
		return m, errMarker
	}
	run, ok1 := parseHex(b[:4])
	seq, ok2 := parseHex(b[4:12])
	ns, ok3 := parseHex(b[12:28])
	if !ok1 || !ok2 || !ok3 {
		return m, errMarker
	}
	return marker{uint16(run), uint32(seq), int64(ns)}, nil
}

// scanner finds markers in a stream of bytes that arrives in arbitrary pieces.
type scanner struct {
	n   uint8 // bytes of the marker matched so far
	buf [markerHex + 1]byte
	bad uint32 // prefixes without a marker behind them
}

var prefixBytes = []byte(markerPrefix)

func (s *scanner) feed(p []byte, found func(marker)) {
	for len(p) > 0 {
		switch {
		case s.n == 0:
			p = s.seek(p)
		case int(s.n) < len(markerPrefix):
			p = s.prefix(p)
		default:
			p = s.rest(p, found)
		}
	}
}

// seek looks for a prefix, or the beginning of one at the end of p.
func (s *scanner) seek(p []byte) []byte {
	if i := bytes.Index(p, prefixBytes); i >= 0 {
		s.n = uint8(len(markerPrefix))
		return p[i+len(markerPrefix):]
	}
	for k := len(markerPrefix) - 1; k > 0; k-- {
		if bytes.HasSuffix(p, prefixBytes[:k]) {
			s.n = uint8(k)
			break
		}
	}
	return nil
}

func (s *scanner) prefix(p []byte) []byte {
	switch p[0] {
	case markerPrefix[s.n]:
		s.n++
	case markerPrefix[0]:
		s.n = 1
	default:
		s.n = 0
	}
	return p[1:]
}

// rest collects what is behind a prefix.
func (s *scanner) rest(p []byte, found func(marker)) []byte {
	have := int(s.n) - len(markerPrefix)
	k := copy(s.buf[have:], p)
	if have+k < len(s.buf) {
		s.n += uint8(k)
		return nil
	}
	s.n = 0
	m, err := parseMarker(s.buf[:])
	if err == nil {
		found(m)
		return p[k:]
	}
	s.bad++
	again := s.buf // a marker may begin inside what looked like one
	s.feed(again[:], found)
	return p[k:]
}
