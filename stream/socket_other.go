//go:build !unix

package stream

import "errors"

// Streams are sent by their handlers.
const canWriteRaw = false

func writeFD(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func readFD(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func hasRoom(uintptr) bool { return true }
