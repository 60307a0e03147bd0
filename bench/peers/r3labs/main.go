// Command r3labs serves streams with the server of github.com/r3labs/sse/v2, for
// bench to measure: GET /events?stream=T reads, POST /api?stream=T publishes its body.
// It is the server as its README shows it, plus AutoStream: a stream comes into being
// with its first reader.
package main

import (
	"flag"
	"io"
	"log"
	"net/http"

	"github.com/r3labs/sse/v2"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:4001", "address")
	flag.Parse()
	server := sse.New()
	server.AutoStream = true
	http.Handle("GET /events", server)
	http.HandleFunc("POST /api", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		server.Publish(r.URL.Query().Get("stream"), &sse.Event{Data: body})
	})
	log.Fatal(http.ListenAndServe(*listen, nil))
}
