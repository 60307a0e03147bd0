package stream

import "notifier"

// RevokeCredential ends the open streams of a credential, by its name as in
// [notifier.Identity], and returns how many there were. It stops each worker for a
// moment and looks at every stream.
func (h *Hub) RevokeCredential(name string) (closed int) {
	for _, s := range h.shards {
		s.work.Lock()
		s.round() // takes in those that have just been opened
		for _, t := range s.snapshot() {
			for i := len(t.streams) - 1; i >= 0; i-- {
				if st := t.streams[i]; st.credential == name {
					s.close(st, Revoked)
					closed++
				}
			}
		}
		s.work.Unlock()
	}
	return closed
}

// isDenied reports whether the stream's subscriber has been denied since it was let
// in.
func (s *shard) isDenied(st *stream) bool {
	return s.hub.cfg.Denied != nil &&
		s.hub.cfg.Denied(notifier.Identity{Keys: st.topic.tokens(), Credential: st.credential})
}
