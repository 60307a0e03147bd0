//go:build !linux

package express

import (
	"errors"
	"net"
)

// Everything is left to net/http.
const canWatch = false

func newWatcher(*Express) watcher { return nil }

func detach(*net.TCPConn) (int, error) { return -1, errors.ErrUnsupported }
func attach(int) (*net.TCPConn, error) { return nil, errors.ErrUnsupported }
func readFD(int, []byte) (int, error)  { return 0, errors.ErrUnsupported }
func writeFD(int, []byte) (int, error) { return 0, errors.ErrUnsupported }
func closeFD(int)                      {}
func shutdownFD(int)                   {}
