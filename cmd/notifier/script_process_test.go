package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// The commands of scripts that run the program.

// serve [NAME=VALUE]... [FLAG...]
func (s *script) serve(args []string) {
	if s.server != nil {
		s.shutdown(nil)
	}
	flags := 0
	for flags < len(args) && !strings.HasPrefix(args[flags], "-") {
		flags++
	}
	data := s.journal
	if data == "disk" {
		s.served++
		data = fmt.Sprintf("journal-%d", s.served)
	}
	s.server = s.run(slices.Insert(args, flags, "notifier", "serve", "--listen=127.0.0.1:0", "--admin-listen=", "--drain=0s", "--data="+data))
	ready := regexp.MustCompile(`notifier is listening.* url=(http://([^/\s]+)\S*)`)
	log, ok := s.server.stderr.await(ready.MatchString)
	if !ok {
		s.Fatalf("the server is not ready:\n%s", log)
	}
	found := ready.FindStringSubmatch(log)
	s.addr = found[2]
	s.Setenv("URL", found[1])
}

// drain
func (s *script) drain([]string) {
	s.Check(s.server.signal(syscall.SIGTERM))
	for ready := true; ready; {
		conn, resp := s.send([]string{"GET", s.base() + "/readyz"})
		conn.Close()
		ready = resp.StatusCode == http.StatusOK
	}
}

// shutdown
func (s *script) shutdown([]string) {
	p := s.server
	s.server = nil
	s.Check(p.stop(syscall.SIGTERM))
	io.WriteString(s.Stdout(), p.stderr.String())
}

// exits CODE PROGRAM [ARG...]
func (s *script) exits(args []string) {
	p := s.run(args[1:])
	err := within(p.ended)
	io.WriteString(s.Stdout(), p.stdout.String())
	io.WriteString(s.Stderr(), p.stderr.String())
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		p.cmd.Process.Kill()
		s.Fatalf("%v", err)
	}
	if code := strconv.Itoa(p.cmd.ProcessState.ExitCode()); code != args[0] {
		s.Fatalf("exit code %s, want %s", code, args[0])
	}
}

// A process is a program that runs beside the script.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr *text
	signaled       bool
	ended          chan error
}

// run starts a program; args begin with what is in its environment, as NAME=value.
func (s *script) run(args []string) *process {
	env := s.env
	for strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	p := &process{stdout: newText(), stderr: newText(), ended: make(chan error, 1)}
	p.cmd = exec.Command("env", slices.Concat([]string{"-i"}, env, args)...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = s.MkAbs("."), p.stdout, p.stderr
	s.Check(p.cmd.Start())
	go func() { p.ended <- p.cmd.Wait() }()
	return p
}

// signal sends a signal, but no second one, which would end the program at once.
func (p *process) signal(s os.Signal) error {
	if p.signaled {
		return nil
	}
	p.signaled = true
	return p.cmd.Process.Signal(s)
}

// stop ends the program with a signal. It must end well.
func (p *process) stop(s os.Signal) error {
	if err := p.signal(s); err != nil {
		return err
	}
	err := within(p.ended)
	if err != nil {
		p.cmd.Process.Kill()
	}
	for _, trouble := range []string{"DATA RACE", "panic", "level=ERROR"} {
		if strings.Contains(p.stderr.String(), trouble) {
			err = errors.Join(err, errors.New(trouble))
		}
	}
	if err != nil {
		err = fmt.Errorf("%v: %w\n%s", p.cmd.Args, err, p.stderr)
	}
	return err
}
