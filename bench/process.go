package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bounds of a run.
const (
	startLimit = 10 * time.Second
	stopLimit  = 10 * time.Second
	runLimit   = 90 * time.Second
)

// command makes one that is asked to end with ctx, and made to when it does not.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopLimit
	return cmd
}

// output runs a command to its end; its error holds the last of what it said.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := command(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		lines := strings.Split(text, "\n")
		return text, fmt.Errorf("%s: %w: %s", name, err, lines[len(lines)-1])
	}
	return text, nil
}

// build compiles a package into dir and returns the program's path.
func build(ctx context.Context, dir, name, pkg string) (string, error) {
	to := filepath.Join(dir, name)
	_, err := output(ctx, "", "go", "build", "-o", to, pkg)
	return to, err
}

// freeAddress is an address on loopback that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// serving starts a program with nothing in it, gives its address and process id to
// use, and ends it.
func serving(ctx context.Context, p *program, dir string, use func(addr string, pid int) error) error {
	addr, err := freeAddress()
	if err != nil {
		return err
	}
	data, err := os.MkdirTemp(dir, "run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	cmd, err := p.start(ctx, addr, data)
	if err != nil {
		return err
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	if err := answers(addr, ended); err != nil {
		cancel()
		<-ended
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return use(addr, cmd.Process.Pid)
}

// answers waits until connections to addr are taken.
func answers(addr string, ended <-chan struct{}) error {
	for limit := time.Now().Add(startLimit); time.Now().Before(limit); {
		if c, err := net.Dial("tcp", addr); err == nil {
			return c.Close()
		}
		select {
		case <-ended:
			return errors.New("the server ended")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return errors.New("the server does not listen")
}

// metrics are the numbers of one run, or medians of several, by name.
type metrics map[string]float64

// load runs loadgen against a server and returns the numbers that it found.
func load(ctx context.Context, loadgen string, p *program, addr string, pid int, args []string) (metrics, error) {
	all := []string{args[0], "-pid", strconv.Itoa(pid)}
	for _, flag := range append(p.flags[:len(p.flags):len(p.flags)], args[1:]...) {
		all = append(all, strings.ReplaceAll(flag, "{addr}", addr))
	}
	out, err := command(ctx, loadgen, all...).Output()
	var found map[string]any
	if jsonErr := json.Unmarshal(out, &found); jsonErr != nil {
		return nil, errors.Join(err, jsonErr)
	}
	if text, bad := found["error"].(string); bad {
		return nil, errors.New(text)
	}
	m := metrics{}
	for name, v := range found {
		if number, ok := v.(float64); ok {
			m[name] = number
		}
	}
	return m, err
}
