package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"
)

// maxEvent bounds one event in memory.
const maxEvent = 64 << 20

var errTooBig = finalError{errors.New("an event is larger than 64 MiB")}

// blocks is the body of a stream cut for the client: whole events only. The client
// takes what is left at the end of a connection for an event, though its data or
// its id may be cut off; and it turns a comment or a retry: without data into one.
type blocks struct {
	body  io.Closer
	lines *bufio.Reader
	block []byte // lines of the event that is being read
	whole []byte // what is left of an event that is being handed out
	retry func(time.Duration)
}

// newBlocks reads body. It calls retry for every retry: line, when it is read: an
// event need not follow.
func newBlocks(body io.ReadCloser, retry func(time.Duration)) *blocks {
	return &blocks{body: body, lines: bufio.NewReader(body), retry: retry}
}

// Close closes the body.
func (b *blocks) Close() error { return b.body.Close() }

// Read reads whole events. At the end of the body it drops one that is not.
func (b *blocks) Read(p []byte) (int, error) {
	for len(b.whole) == 0 {
		if err := b.readLine(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.whole)
	b.whole = b.whole[n:]
	return n, nil
}

// readLine adds a line to the block, unless it is not part of an event, and ends
// the block if it is blank.
func (b *blocks) readLine() error {
	start := len(b.block)
	for {
		part, err := b.lines.ReadSlice('\n')
		if b.block = append(b.block, part...); len(b.block) > maxEvent {
			return errTooBig
		}
		if err == nil {
			break
		}
		if err != bufio.ErrBufferFull {
			return err
		}
	}
	line := bytes.TrimRight(b.block[start:], "\r\n")
	retry, isRetry := bytes.CutPrefix(line, []byte("retry:"))
	switch {
	case len(line) == 0 && start > 0:
		b.whole, b.block = b.block, nil
	case len(line) == 0 || line[0] == ':':
		b.block = b.block[:start]
	case isRetry:
		b.block = b.block[:start]
		if ms, err := strconv.ParseUint(string(bytes.TrimPrefix(retry, []byte(" "))), 10, 31); err == nil {
			b.retry(time.Duration(ms) * time.Millisecond)
		}
	}
	return nil
}
