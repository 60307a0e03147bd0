//go:build !linux

package stream

import "syscall"

func newPoller() (poller, error) { return goroutines{}, nil }

func setPeerTimeout(syscall.RawConn) {}
