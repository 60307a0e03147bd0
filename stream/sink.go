package stream

import "errors"

// A sink takes the bytes of one stream to its client. write, end and cut are
// called by the worker and must not block.
type sink interface {
	// write takes as many of the bytes as there is room for. If that is not all,
	// the sink has the worker call writable as soon as there is room again. An
	// error means that the client is gone.
	write(b []byte) (int, error)
	// end closes the stream once what was taken has been sent.
	end()
	// cut closes the stream now.
	cut()
	// address is where the client's connection comes from.
	address() string
}

// errClosed: the sink was closed, or its client went away.
var errClosed = errors.New("stream closed")
