//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "floor needs Linux: it is built on epoll")
	os.Exit(2)
}
