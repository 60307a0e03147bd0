package node

import "net/http"

// received tells who sends HEAD by which version of HTTP that came here. A client
// cannot know it otherwise if there is a proxy in between; notifier doctor asks.
func received(f handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodHead {
			w.Header().Set("Notifier-Received", r.Proto)
		}
		return f(w, r)
	}
}
