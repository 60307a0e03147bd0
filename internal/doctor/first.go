package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// checkFirst is about how a stream begins. It reports whether events can arrive.
func (e *exam) checkFirst(ctx context.Context) bool {
	s, err := e.open(ctx, "identity", nil, nil)
	if errors.Is(err, errSilent) {
		e.advise("buffering", Problem, fmt.Sprintf("no header within %s, though HEAD is answered at once: the proxy holds back what the server sends", e.Wait), buffering)
		return false
	}
	if err != nil {
		e.found("first bytes", Problem, "the stream does not open: "+err.Error())
		return false
	}
	defer s.close()
	if s.resp.StatusCode != http.StatusOK {
		e.refused(&answer{Response: s.resp})
		return false
	}
	defer e.checkHeader(s.resp) // after what is more important
	first, ok := s.next(e.Wait, anything)
	if !ok {
		e.advise("buffering", Problem, fmt.Sprintf("a header, but no first byte within %s: the proxy holds back what the server sends", e.Wait), buffering)
		return false
	}
	if s.resp.Header.Get("Content-Encoding") != "" {
		e.advise("compression", Problem, "compressed ("+s.resp.Header.Get("Content-Encoding")+") for a client that did not ask for it", compression)
		return false
	}
	ready, ok := s.next(e.Wait, named("notifier-ready"))
	if !ok {
		e.advise("buffering", Problem, "the first bytes come, but not the first event: the proxy holds back part of what the server sends", buffering)
		return false
	}
	text := fmt.Sprintf("the header comes after %s, the first byte after %s, the first event after %s",
		about(s.header), about(first.at.Sub(s.began)), about(ready.at.Sub(s.began)))
	if slow := ready.at.Sub(s.began); slow > time.Second {
		e.advise("first bytes", Warning, text+": that is slow", buffering)
	} else {
		e.found("first bytes", OK, text)
	}
	return true
}

// wanted are the headers that clients and proxies must find as the server sent
// them. A proxy may use up X-Accel-Buffering: it is for it.
var wanted = []struct {
	name, value string
	level       Level // of a change
	why         string
}{
	{"Content-Type", "text/event-stream", Problem, "browsers refuse any other type, and some proxies know it only without a charset"},
	{"Cache-Control", "no-cache, no-store, no-transform", Warning, "no-transform keeps other proxies from compressing, no-store from keeping it"},
}

// unwanted are headers that no stream should have.
var unwanted = []struct {
	name  string
	level Level
	why   string
}{
	{"Content-Length", Problem, "a stream has no length: clients wait for that many bytes, or stop there"},
	{"Age", Problem, "it comes from a cache"},
	{"Etag", Warning, "somebody treats it as a file"},
}

func (e *exam) checkHeader(resp *http.Response) {
	same := true
	for _, w := range wanted {
		if got := strings.Join(resp.Header[w.name], ", "); got != w.value {
			same = false
			e.advise("headers", w.level, fmt.Sprintf("%s is %q and should be %q: %s", w.name, got, w.value, w.why), headers)
		}
	}
	for _, u := range unwanted {
		if resp.Header.Get(u.name) != "" {
			same = false
			e.advise("headers", u.level, fmt.Sprintf("there is a header %s: %s", u.name, u.why), headers)
		}
	}
	if resp.ProtoMajor == 1 && len(resp.TransferEncoding) == 0 && resp.ContentLength < 0 {
		same = false
		e.found("headers", Warning, "not chunked: a stream that breaks looks like one that has ended")
	}
	if same {
		e.found("headers", OK, "as the server sent them")
	}
}

// checkCompression opens a stream as browsers do, which accept compression.
func (e *exam) checkCompression(ctx context.Context) {
	s, err := e.open(ctx, "gzip, deflate, br, zstd", nil, nil)
	if err != nil {
		e.advise("compression", Problem, "clients that accept compression, as browsers do, get nothing: "+err.Error(), compression)
		return
	}
	defer s.close()
	encoding := s.resp.Header.Get("Content-Encoding")
	if encoding == "" {
		e.found("compression", OK, "none, though browsers would accept it")
		return
	}
	_, arrives := s.next(e.Wait, anything)
	if arrives && e.publish {
		drain(s)
		if _, _, err := e.send(ctx); err == nil {
			_, arrives = s.next(e.Wait, anything)
		}
	}
	if !arrives {
		e.advise("compression", Problem, "events stay in the proxy's compressor ("+encoding+")", compression)
		return
	}
	e.advise("compression", Warning, "the proxy compresses ("+encoding+") although the server says no-transform: events come through, at the cost of memory for every stream", compression)
}

// drain takes what has come already.
func drain(s *stream) {
	for {
		if _, more := s.next(100*time.Millisecond, anything); !more {
			return
		}
	}
}
