package e2e

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"notifier/internal/nodetest"
)

// TestCurl is the first thing that anybody does with the server, to the byte.
func TestCurl(t *testing.T) {
	t.Parallel()
	n := nodetest.Start(t)
	listen := curlStream(t, n.URL+"/events?token=1")

	answer := curl(t, n.URL+"/api", "-H", "Content-Type: application/json",
		"-d", `{"tokens":["1","2"],"entityType":"like","data":"You shall not pass!!!"}`)
	first := idIn(t, answer)
	want := fmt.Sprintf(`{"responseCode":0,"data":"OK!","id":"%s","streams":1,"duplicate":false,"results":{"1":1,"2":0}}`+"\n", first)
	if answer != want {
		t.Errorf("the publisher is told %q, want %q", answer, want)
	}
	// What the old server's publishers send: a form, in which everything is text.
	second := idIn(t, curl(t, n.URL+"/api", "-d", "tokens=1", "-d", "tokens=2", "-d", "event=like", "--data-urlencode", `data={"by": "árya"}`))

	want = "data: {\"entityType\":\"like\",\"data\":\"You shall not pass!!!\"}\nid: " + first + "\n\n" +
		"event: like\ndata: {\"entityType\":\"\",\"data\":\"{\\\"by\\\": \\\"árya\\\"}\"}\nid: " + second + "\n\n"
	eventually(t, "curl has printed both events", func() bool { return strings.HasSuffix(listen.out.String(), want) })
	if got := blankRetry(listen.out.String()); got != "retry: N\n:\n"+want {
		t.Errorf("the stream is %q", got)
	}
}

// TestCurlRaw looks at what goes over the wire, under both versions of HTTP that
// curl speaks without TLS.
func TestCurlRaw(t *testing.T) {
	t.Parallel()
	n := nodetest.Start(t)
	headers := []string{
		"Cache-Control: no-cache, no-store, no-transform",
		"Content-Type: text/event-stream",
		"Date: D",
		"Vary: Origin",
		"X-Accel-Buffering: no",
	}
	for _, c := range []struct {
		version string
		status  string
		headers []string
		chunked bool
	}{
		{"--http1.1", "HTTP/1.1 200 OK", append(headers, "Connection: close", "Transfer-Encoding: chunked"), true},
		{"--http1.0", "HTTP/1.0 200 OK", append(headers, "Connection: close"), false},
	} {
		t.Run(c.version, func(t *testing.T) {
			t.Parallel()
			token := strings.TrimPrefix(c.version, "--")
			listen := curlStream(t, n.URL+"/events?token="+token, c.version, "--raw", "-i")
			r := publish(t, n.URL, publication{Tokens: []string{token}, Data: 1})
			intro, event := "retry: N\n:\n", "data: {\"entityType\":\"\",\"data\":1}\nid: "+r.ID+"\n\n"
			if c.chunked {
				intro = fmt.Sprintf("%x\r\n%s\r\n", len("retry: 3000\n:\n"), intro)
				event = fmt.Sprintf("%x\r\n%s\r\n", len(event), event)
			}
			eventually(t, "curl has printed the event", func() bool { return strings.HasSuffix(listen.out.String(), event) })
			checkHead(t, listen.out.String(), c.status, c.headers)
			if _, body, _ := strings.Cut(blankRetry(listen.out.String()), "\r\n\r\n"); body != intro+event {
				t.Errorf("got  %q\nwant %q", body, intro+event)
			}
		})
	}
	t.Run("HEAD", func(t *testing.T) {
		t.Parallel()
		answer := curl(t, n.URL+"/events?token=head", "-I")
		checkHead(t, answer, "HTTP/1.1 200 OK", append(slices.Clone(headers), "Notifier-Received: HTTP/1.1"))
		if _, body, _ := strings.Cut(answer, "\r\n\r\n"); body != "" {
			t.Errorf("HEAD is answered with %q", body)
		}
		if open := openStreams(t, n.URL, "head"); open != 0 {
			t.Errorf("HEAD opened %d streams", open)
		}
	})
}

// checkHead compares status line and headers, whose order means nothing.
func checkHead(t *testing.T, answer, status string, want []string) {
	t.Helper()
	head, _, _ := strings.Cut(answer, "\r\n\r\n")
	lines := strings.Split(dates.ReplaceAllString(head, "Date: D"), "\r\n")
	got := slices.Sorted(slices.Values(lines[1:]))
	if want := slices.Sorted(slices.Values(want)); lines[0] != status || !slices.Equal(got, want) {
		t.Errorf("%s\ngot  %q\nwant %q", lines[0], got, want)
	}
}

// curlStream listens with curl -N and returns once the stream is open.
func curlStream(t *testing.T, url string, options ...string) *child {
	t.Helper()
	c := start(t, program(t, "curl"), append([]string{"-sSN", url}, options...)...)
	eventually(t, "curl has printed the first lines", func() bool { return strings.Contains(c.out.String(), "\n:\n") })
	return c
}

// curl returns what curl prints of one request.
func curl(t *testing.T, url string, options ...string) string {
	t.Helper()
	out, err := exec.Command(program(t, "curl"), append([]string{"-sS", url}, options...)...).Output()
	if err != nil {
		t.Fatalf("curl: %v", err)
	}
	return string(out)
}

var (
	retries = regexp.MustCompile(`(?m)^retry: [0-9]{4}$`)
	dates   = regexp.MustCompile(`Date: [^\r]+ GMT`)
	ids     = regexp.MustCompile(`"id":"([^"]+)"`)
)

// blankRetry writes N for what is random about a stream.
func blankRetry(stream string) string { return retries.ReplaceAllString(stream, "retry: N") }

func idIn(t *testing.T, answer string) string {
	t.Helper()
	m := ids.FindStringSubmatch(answer)
	if m == nil {
		t.Fatalf("no id in the answer %q", answer)
	}
	return m[1]
}
