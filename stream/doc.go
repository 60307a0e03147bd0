// Package stream carries events to subscribers: GET /events and everything
// behind it.
//
// It owns the open streams. The journal tells the [Hub] of each appended batch;
// the hub puts the events into the topics of the tokens that have open streams
// and wakes the worker of the topic's shard. The worker lets every stream read
// after its position, writes without blocking and never waits for a client. A
// stream that has fallen behind what its topic still holds, or that resumes,
// reads pages from the journal in a bounded pool of readers and then joins its
// topic again: a live tab, a slow tab and a reconnecting tab are one reader at
// different positions.
//
// A slow client costs its position and the rest of the frame it is inside,
// nothing else; a token nobody listens to costs nothing.
//
// The package stores no events, takes no publications and decides nothing about
// who may listen: it is given a function for that.
package stream
