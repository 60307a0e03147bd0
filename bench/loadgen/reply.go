//go:build linux

package main

import (
	"bytes"
	"strconv"
)

// reply is the answer to a publication.
type reply struct {
	status int
	length int // bytes, 0 while it is incomplete
	closes bool
}

// parseReply reads a whole answer at the beginning of b; end is that no more comes.
func parseReply(b []byte, end bool) (r reply, err error) {
	i := bytes.Index(b, []byte("\r\n\r\n"))
	if i < 0 {
		if end {
			return r, errHeader
		}
		return r, nil
	}
	head, body := b[:i+4], b[i+4:]
	if r.status, err = statusOf(head); err != nil {
		return r, err
	}
	if r.status == 100 {
		r, err = parseReply(body, end)
		if r.length > 0 {
			r.length += len(head)
		}
		return r, err
	}
	r.closes = fieldHas(head, "connection", "close")
	n, whole, err := bodyLength(r.status, head, body)
	if !whole && end {
		n, whole, r.closes = len(body), true, true
	}
	if whole {
		r.length = len(head) + n
	}
	return r, err
}

func bodyLength(status int, head, body []byte) (n int, whole bool, err error) {
	if status == 204 || status == 304 {
		return 0, true, nil
	}
	if v, ok := field(head, "content-length"); ok {
		n, err := strconv.Atoi(v)
		if err != nil {
			return 0, false, errHeader
		}
		return n, len(body) >= n, nil
	}
	if fieldHas(head, "transfer-encoding", "chunked") {
		return chunkedLength(body)
	}
	return 0, false, nil // until the connection ends
}

func chunkedLength(body []byte) (n int, whole bool, err error) {
	for {
		line, _, ok := bytes.Cut(body[n:], []byte("\r\n"))
		if !ok {
			return 0, false, nil
		}
		digits, _, _ := bytes.Cut(line, []byte(";"))
		size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
		if err != nil {
			return 0, false, errChunk
		}
		if n += len(line) + 2 + int(size) + 2; n > len(body) {
			return 0, false, nil
		}
		if size == 0 {
			return n, true, nil
		}
	}
}
