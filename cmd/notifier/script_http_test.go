package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The commands of scripts that send requests.

// http METHOD TARGET [-H HEADER]... [-d BODY]
func (s *script) http(args []string) {
	if resp, _ := s.exchange(args); resp.StatusCode/100 != 2 {
		s.Fatalf("the status is %s", resp.Status)
	}
}

// refused STATUS DETAIL METHOD TARGET [-H HEADER]... [-d BODY]
func (s *script) refused(args []string) {
	resp, body := s.exchange(args[2:])
	var p struct {
		Type, Title, Detail string
		Status              int
		Errors              []struct{ Field, Detail string }
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		s.Fatalf("the body is no problem: %v", err)
	}
	if len(p.Errors) > 0 {
		p.Detail = ""
	}
	for i, e := range p.Errors {
		p.Detail += strings.Repeat("; ", min(i, 1)) + strings.TrimSpace(e.Field+" "+e.Detail)
	}
	switch {
	case strconv.Itoa(resp.StatusCode) != args[0]:
		s.Fatalf("the status is %s, want %s", resp.Status, args[0])
	case resp.Header.Get("Content-Type") != "application/problem+json":
		s.Fatalf("the Content-Type is not that of a problem")
	case p.Type != "about:blank" || p.Title != http.StatusText(resp.StatusCode) || p.Status != resp.StatusCode:
		s.Fatalf("the problem does not fit the status")
	case p.Detail != args[1]:
		s.Fatalf("it says\n%s\nwant\n%s", p.Detail, args[1])
	}
}

// publish NAME BODY [-H HEADER]...
func (s *script) publish(args []string) {
	resp, body := s.exchange(append([]string{"POST", s.base() + "/api", "-d", args[1]}, args[2:]...))
	var answer struct{ ID string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || resp.StatusCode != http.StatusOK {
		s.Fatalf("not published")
	}
	s.Setenv(args[0], answer.ID)
}

// capture NAME REGEXP
func (s *script) capture(args []string) {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(s.ReadFile("stdout"))
	if len(found) < 2 {
		s.Fatalf("not in stdout")
	}
	s.Setenv(args[0], found[1])
}

// base is the server's base path.
func (s *script) base() string { return strings.TrimPrefix(s.Getenv("URL"), "http://"+s.addr) }

// exchange sends a request as args say, reads the answer and shows it.
func (s *script) exchange(args []string) (*http.Response, string) {
	conn, resp := s.send(args)
	defer conn.Close()
	body, err := io.ReadAll(resp.Body)
	s.Check(err)
	s.Stdout().Write(body)
	return resp, string(body)
}

// send sends a request as args say, byte for byte: an HTTP client would send a
// cleaner one. It shows the head of the answer.
func (s *script) send(args []string) (net.Conn, *http.Response) {
	method, target := args[0], args[1]
	header, body := http.Header{"Host": {s.addr}}, ""
	flags := flag.NewFlagSet("http", flag.PanicOnError)
	flags.Func("H", "", func(line string) error {
		name, value, _ := strings.Cut(line, ":")
		if name == "Host" {
			header.Del(name) // there must be one only
		}
		header[name] = append(header[name], strings.TrimSpace(value))
		return nil
	})
	flags.Func("d", "", func(text string) error {
		body = s.text(text)
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
		return nil
	})
	s.Check(flags.Parse(args[2:]))
	if header["Content-Length"] != nil && header["Content-Type"] == nil {
		header["Content-Type"] = []string{"application/json"}
	}

	conn := s.dial()
	go func() { // the answer may come before all is sent
		w := bufio.NewWriter(conn)
		fmt.Fprintf(w, "%s %s HTTP/1.1\r\n", method, target)
		header.Write(w)
		io.WriteString(w, "\r\n"+body)
		w.Flush()
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	s.Check(err)
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s\r\n", resp.Proto, resp.Status)
	resp.Header.Write(&head)
	io.WriteString(s.Stderr(), strings.ReplaceAll(head.String(), "\r", ""))
	return conn, resp
}

// text is an argument, or the file that it names.
func (s *script) text(arg string) string {
	if file, ok := strings.CutPrefix(arg, "@"); ok {
		return s.ReadFile(file)
	}
	return arg
}

func (s *script) dial() net.Conn {
	conn, err := net.Dial("tcp", s.addr)
	s.Check(err)
	s.Check(conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// raw [-cut] BYTES
func (s *script) raw(args []string) {
	conn := s.dial()
	defer conn.Close()
	_, err := io.WriteString(conn, unescape.Replace(s.text(args[len(args)-1])))
	s.Check(err)
	if args[0] == "-cut" {
		s.Check(conn.(*net.TCPConn).CloseWrite())
	}
	answer, err := io.ReadAll(conn)
	if !errors.Is(err, syscall.ECONNRESET) { // what closing looks like if not all was read
		s.Check(err)
	}
	io.WriteString(s.Stdout(), strings.ReplaceAll(string(answer), "\r\n", "\n"))
}

var unescape = strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\0`, "\x00")

// fill FILE BEFORE COUNT PIECE AFTER
func (s *script) fill(args []string) {
	count, err := strconv.Atoi(args[2])
	s.Check(err)
	var b strings.Builder
	b.WriteString(args[1])
	for i := range count {
		b.WriteString(strings.ReplaceAll(args[3], "%d", strconv.Itoa(i)))
	}
	b.WriteString(args[4])
	s.Check(os.WriteFile(s.MkAbs(args[0]), []byte(unescape.Replace(b.String())), 0o666))
}
