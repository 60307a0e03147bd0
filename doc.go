// Package notifier holds the words every other package speaks: an event, its
// id, what a publisher asks for, what a reader asks for, the bytes a stream
// carries, the limits and the errors.
//
// One idea carries the server: the journal remembers, the hub rings, streams
// read after their last id. A publication becomes an [Event] when a journal
// gives it an [ID]; a hub is told of it as a [Delivery]; a stream reads a [Page]
// of events after its position and writes each with [AppendFrame].
//
// The package imports nothing else of this module and starts no goroutine, so
// that every other package can depend on it.
package notifier
