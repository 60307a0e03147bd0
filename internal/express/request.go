package express

import (
	"bytes"
	"strconv"
)

const (
	// maxRequest is how many bytes of a connection are read at once, and so the
	// largest request, header and body, that is served here.
	maxRequest = 64 << 10
	// maxHeader is after how many bytes a header must have ended.
	maxHeader = 16 << 10
)

// What inspect says of bytes that are not one whole plain request.
const (
	incomplete = 0  // yet
	strange    = -1 // net/http decides
)

// inspect returns the size of the plain request that b begins with. It is strict
// where HTTP is lenient (RFC 9112): what it accepts, every parser reads alike.
func inspect(b []byte) (size int) {
	if line := []byte("POST /"); !bytes.HasPrefix(b, line[:min(len(line), len(b))]) {
		return strange
	}
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 && len(b) < maxHeader {
		return incomplete
	}
	if end < 0 || end > maxHeader {
		return strange
	}
	line, fields, _ := bytes.Cut(b[:end], []byte("\r\n"))
	if !isRequestLine(line) {
		return strange
	}
	length := bodyLength(fields)
	if length < 0 {
		return strange
	}
	size = end + 4 + length
	switch {
	case size > maxRequest:
		return strange
	case size > len(b):
		return incomplete
	}
	return size
}

// isRequestLine takes POST, a path with or without a query, and HTTP/1.1.
func isRequestLine(line []byte) bool {
	path, ok := bytes.CutPrefix(line, []byte("POST "))
	if !ok {
		return false
	}
	if path, ok = bytes.CutSuffix(path, []byte(" HTTP/1.1")); !ok {
		return false
	}
	for _, c := range path {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// bodyLength is the Content-Length of a header, or strange: there must be one, and
// one Host, and nothing that says how the connection or the body is to be treated.
func bodyLength(fields []byte) int {
	length, hosts := strange, 0
	for len(fields) > 0 {
		var line []byte
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !isName(name) || !isValue(value) {
			return strange
		}
		switch value = bytes.Trim(value, " "); {
		case is(name, "Content-Length"):
			n, err := strconv.ParseUint(string(value), 10, 31)
			if length != strange || err != nil || value[0] == '+' {
				return strange
			}
			length = int(n)
		case is(name, "Host"):
			if hosts++; !isHost(value) {
				return strange
			}
		case is(name, "Connection"):
			if !is(value, "keep-alive") {
				return strange
			}
		case is(name, "Transfer-Encoding"), is(name, "Expect"), is(name, "Upgrade"), is(name, "Trailer"),
			is(name, "TE"), is(name, "Proxy-Connection"), is(name, "HTTP2-Settings"):
			return strange
		}
	}
	if hosts != 1 {
		return strange
	}
	return length
}

func is(b []byte, name string) bool { return bytes.EqualFold(b, []byte(name)) }

// isName takes the letters, digits, - and _ that names of fields are made of.
func isName(b []byte) bool {
	for _, c := range b {
		if !isAlphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return len(b) > 0
}

// isValue takes what can be seen, and spaces.
func isValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

func isHost(b []byte) bool {
	for _, c := range b {
		if !isAlphanumeric(c) && !bytes.ContainsRune([]byte(".:-_[]"), rune(c)) {
			return false
		}
	}
	return len(b) > 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}
