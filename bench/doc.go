// Command bench measures notifier beside a floor, the least that any server can do,
// and beside other servers, and writes what it finds into docs/benchmarks.md:
//
//	go run ./bench             # each figure is the median of 3 runs, 12 minutes
//	go run ./bench -runs 1 -only slow -out slow.md
//
// It builds our programs, installs the other servers into a temporary folder (one
// that cannot be had is named as missing) and runs every scenario against each, one
// server at a time and in turns, so that what else the machine does hits all alike.
// Each run has a new process with nothing in it. Everything listens on loopback, ends
// within a bounded time, and leaves nothing behind.
//
// The load comes from bench/loadgen, which knows none of the servers.
package main
