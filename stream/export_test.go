package stream

// UseGoroutines has a hub that has had no socket yet watch each with a goroutine,
// as on systems without epoll.
func UseGoroutines(h *Hub) {
	h.polling.Do(func() { h.poll = goroutines{} })
}
