// Command floor does the least that any server can that pushes events: it writes a
// chunk to each socket of a token, in one loop on one thread. What it costs is what
// the machine and its kernel cost; the measurements of real servers are read beside
// it.
//
//	floor -listen 127.0.0.1:4001
//
// It speaks just enough HTTP for bench/loadgen, as notifier does: GET
// /events?token=T, and POST with a JSON body of one token. It has no ids, no replay
// and no heartbeats. A stream whose socket is full is closed. It trusts its client,
// listens on loopback only, and needs Linux.
package main
