//go:build linux

package main

import (
	"bytes"
	"strconv"
)

// request is one of the two that there are; a subscription has no payload.
type request struct{ token, payload []byte }

// parse takes a whole request apart, and says whether it is whole.
func parse(in []byte) (req request, ok bool) {
	head, body, ok := bytes.Cut(in, []byte("\r\n\r\n"))
	if !ok {
		return req, false
	}
	if rest, ok := bytes.CutPrefix(head, []byte("GET /events?token=")); ok {
		req.token, _, _ = bytes.Cut(rest, []byte(" "))
		return req, true
	}
	length, err := strconv.Atoi(string(between(head, "Content-Length: ", "\r\n")))
	if err != nil || len(body) < length {
		return req, false
	}
	return request{token: between(body, `"tokens":["`, `"`), payload: between(body, `"data":`, "}")}, true
}

// between is what stands between two texts; the second may be missing.
func between(b []byte, before, after string) []byte {
	_, rest, _ := bytes.Cut(b, []byte(before))
	found, _, _ := bytes.Cut(rest, []byte(after))
	return found
}

// appendChunk appends an event, as a chunk of HTTP/1.1.
func appendChunk(dst, data []byte) []byte {
	dst = strconv.AppendInt(dst, int64(len("data: ")+len(data)+len("\n\n")), 16)
	dst = append(dst, "\r\ndata: "...)
	dst = append(dst, data...)
	return append(dst, "\n\n\r\n"...)
}
