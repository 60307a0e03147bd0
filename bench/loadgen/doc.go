// Command loadgen measures a server that pushes events over HTTP: what an idle
// stream costs, how fast one event reaches many streams, how late single events
// arrive, what readers that are stuck do to the others, and what streams that
// come back get.
//
//	loadgen idle|fanout|unicast|slow|resume [flags]
//
// It knows nothing of the server but its addresses: any server will do that sends
// the payloads of publications down the streams of their tokens. One epoll loop reads
// all streams and another publishes, so that it costs little beside the server it
// shares a machine with. It prints one JSON object; times are in milliseconds.
//
// Every payload says who it is and when it was due, so that events that are lost,
// doubled, misrouted or out of order are always counted. It refuses addresses
// beyond loopback, and needs Linux.
package main
