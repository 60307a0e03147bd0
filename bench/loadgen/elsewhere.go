//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "loadgen needs Linux: it is built on epoll and /proc")
	os.Exit(2)
}
