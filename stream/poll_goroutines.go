package stream

// goroutines watches each socket with a goroutine that reads it, on systems without
// epoll. The runtime's own poller does the waiting.
type goroutines struct{}

func (goroutines) watch(k *socket) error {
	go func() {
		var buf [64]byte
		for {
			n, err := k.read(buf[:])
			if err == nil {
				err = k.hear(n)
			}
			if err != nil {
				k.gone()
				return
			}
		}
	}()
	return nil
}

func (goroutines) await(k *socket) {
	go func() {
		if k.raw.Write(hasRoom) == nil {
			k.writable()
		}
	}()
}

func (goroutines) forget(*socket) {}

func (goroutines) stop() {}
