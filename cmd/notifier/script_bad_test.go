package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
)

// The commands of scripts that send what is wrong. After each the server must still do
// what it is for: an event that is published arrives at the stream that the script has
// opened as "witness".

// bad STATUS METHOD TARGET [-H HEADER]... [-d BODY]
func (s *script) bad(args []string) {
	resp, body := s.exchange(args[1:])
	var p struct {
		Status int
		Detail string
	}
	switch {
	case strconv.Itoa(resp.StatusCode) != args[0]:
		s.Fatalf("the status is %s, want %s", resp.Status, args[0])
	case args[1] == http.MethodHead:
	case json.Unmarshal([]byte(body), &p) != nil || p.Status != resp.StatusCode || p.Detail == "":
		s.Fatalf("the body is no problem")
	}
	s.arrives()
}

// badraw STATUS BYTES
func (s *script) badraw(args []string) {
	conn := s.dial()
	defer conn.Close()
	_, err := io.WriteString(conn, unescape.Replace(args[1]))
	s.Check(err)
	answer, err := io.ReadAll(conn)
	if !errors.Is(err, syscall.ECONNRESET) {
		s.Check(err)
	}
	if got := string(answer); !strings.HasPrefix(got, "HTTP/1.1 "+args[0]+" ") {
		s.Fatalf("the answer is %q, want %s", got, args[0])
	}
	s.arrives()
}

// arrives publishes an event and waits for it.
func (s *script) arrives() {
	s.published++
	mark := fmt.Sprintf(`"good %d"`, s.published)
	_, body := s.exchange([]string{"POST", s.base() + "/api", "-d", `{"tokens":["witness"],"data":` + mark + `}`, "-H", "X-API-Key: " + s.Getenv("KEY")})
	if text, ok := s.running["witness"].await(func(text string) bool { return strings.Contains(text, mark) }); !ok {
		s.Fatalf("%s has not arrived: %s\n%s", mark, body, text)
	}
}
