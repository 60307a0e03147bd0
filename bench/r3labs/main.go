// Command r3labs measures what the server of github.com/r3labs/sse/v2 does with
// slow readers, resuming readers, line breaks and memory, and prints a Markdown
// table. It is the evidence for writing our own server and keeping that package
// as the reader, and needs nothing else of this module:
//
//	go run ./bench/r3labs
//
// Everything runs on loopback and ends by itself within 20 seconds. The readers
// are bare TCP connections. Memory is that of a child process, this program
// again, so that the readers do not count; it is read from /proc and so on Linux
// only.
//
// The tests hold the same findings true, and those about the package's client
// that every reader built on it has to know.
package main

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && os.Args[1] == serveArgument {
		if err := serve(); err != nil {
			log.Fatal(err)
		}
		return
	}
	time.AfterFunc(time.Minute, func() { log.Fatal("did not end in time") })
	fmt.Printf("r3labs/sse v2.10.0, %s, %s/%s, %d CPUs\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Println("| case | measured |\n|---|---|")
	for _, f := range findings {
		measured, err := f.measure()
		if err != nil {
			log.Fatalf("%s: %v", f.what, err)
		}
		fmt.Printf("| %s | %s |\n", f.what, measured)
	}
}

// heavy fills more than the queues of r3labs and the kernel: 24 MiB.
var heavy = load{events: 1536, size: 16 << 10, healthy: 10, newcomers: 20, quiet: 2 * time.Second, wait: 2 * time.Second}

// finding is one row of the table.
type finding struct {
	what    string
	measure func() (string, error)
}

var findings = []finding{
	{"1536 events of 16 KiB to 10 readers of one stream", func() (string, error) {
		o, err := publish(heavy, false)
		return o.String(), err
	}},
	{"the same, and one more reader never reads", func() (string, error) {
		o, err := publish(heavy, true)
		return o.String(), err
	}},
	{"20 newcomers wait at the blocked stream while it is removed", func() (string, error) {
		n, err := removeStream(heavy)
		return fmt.Sprintf("%d of %d never get an answer, also after the stuck reader has gone", n, heavy.newcomers), err
	}},
	{"Server.Close with 50 readers", func() (string, error) {
		n, err := closeServer(50)
		return fmt.Sprintf("%d goroutines stay for ever", n), err
	}},
	{"a reader resumes after the last event it got", func() (string, error) {
		before, after, err := resumed()
		return fmt.Sprintf("had %s, one more published, gets %s", list(before), list(after)), err
	}},
	{"the server restarts, 2 events are published, the reader resumes after id 2", func() (string, error) {
		first, after, err := resumedAfterRestart("2")
		return fmt.Sprintf("the 2 have ids %s, one more published, gets %s", list(first), list(after)), err
	}},
	{"Last-Event-ID that is no integer", func() (string, error) {
		status, err := foreignID()
		return fmt.Sprintf("status %d", status), err
	}},
	{"line breaks in the event's name and data", func() (string, error) {
		lines, err := lineBreaks()
		return "on the wire: `" + strings.Join(lines, "⏎") + "`", err
	}},
	{"an event without id, AutoReplay off", func() (string, error) {
		lines, err := withoutReplay()
		return "on the wire: `" + strings.Join(lines, "⏎") + "`", err
	}},
	{"resident memory for one more idle reader, 2000 readers of one stream", func() (string, error) {
		n, err := idleMemory(2000, oneStream)
		return fmt.Sprintf("%.1f KB", float64(n)/1000), err
	}},
	{"… 2000 readers of a stream each", func() (string, error) {
		n, err := idleMemory(2000, streamEach)
		return fmt.Sprintf("%.1f KB", float64(n)/1000), err
	}},
}

func (o outcome) String() string {
	blocked := ""
	if o.blocked {
		blocked = fmt.Sprintf(", then blocked until %d ms after the stuck reader hung up", o.recovered.Milliseconds())
	}
	return fmt.Sprintf("Publish took %d in %d ms%s; the slowest of the 10 got %d; %d of %d newcomers got headers within %v",
		o.accepted, o.took.Milliseconds(), blocked, o.delivered, o.answered, heavy.newcomers, heavy.wait)
}

func list(ids []string) string { return strings.Join(ids, ", ") }
