//go:build linux

package main

import (
	"flag"
	"log"
	"net/netip"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// maxFiles is the limit of open files asked for.
const maxFiles = 20000

func main() {
	log.SetFlags(0)
	listen := flag.String("listen", "127.0.0.1:4001", "address on loopback")
	flag.Parse()
	at, err := netip.ParseAddrPort(*listen)
	if err != nil || !at.Addr().Is4() || !at.Addr().IsLoopback() {
		log.Fatalf("floor: -listen %s: want an IPv4 address on loopback", *listen)
	}

	// One thread that waits in the kernel without telling Go's scheduler: nothing
	// else must ever need to stop it, the garbage collector least of all.
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: maxFiles, Max: maxFiles})
	log.Fatal("floor: ", serve(at))
}
