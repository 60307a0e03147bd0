package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// serveArgument makes this program the child process of idleMemory.
const serveArgument = "serve"

// serve is the child: it prints its address and serves until its input ends,
// so that it never outlives the parent.
func serve() error {
	p, err := startPeer()
	if err != nil {
		return err
	}
	defer p.close()
	fmt.Println(p.addr)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// idleMemory gives the bytes of resident memory that a server in a process of
// its own needs for one more idle reader. key names the stream of the reader i.
func idleMemory(readers int, key func(i int) string) (perReader int, err error) {
	child, addr, err := startChild()
	if err != nil {
		return 0, err
	}
	defer child.stop()

	// The first readers pay for what a server needs once.
	const warmUp = 200
	before := 0
	for i := range warmUp + readers {
		if i == warmUp {
			if before, err = child.resident(); err != nil {
				return 0, err
			}
		}
		t, _, err := openStream(addr, key(i), "")
		if err != nil {
			return 0, err
		}
		defer t.conn.Close()
	}
	after, err := child.resident()
	return (after - before) / readers, err
}

// oneStream and streamEach are the two ways to spread readers.
func oneStream(int) string    { return crowded }
func streamEach(i int) string { return strconv.Itoa(i) }

// child is this program in a second process.
type child struct {
	*exec.Cmd
	input io.Closer
}

func startChild() (child, string, error) {
	program, err := os.Executable()
	if err != nil {
		return child{}, "", err
	}
	cmd := exec.Command(program, serveArgument)
	input, err := cmd.StdinPipe()
	if err != nil {
		return child{}, "", err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return child{}, "", err
	}
	if err := cmd.Start(); err != nil {
		return child{}, "", err
	}
	c := child{cmd, input}
	addr, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		c.stop()
		return child{}, "", err
	}
	return c, strings.TrimSpace(addr), nil
}

// stop ends the child's input and with it the child.
func (c child) stop() {
	c.input.Close()
	c.Wait()
}

// resident is the child's VmRSS in bytes, which Linux shows.
func (c child) resident() (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if kilobytes, found := strings.CutPrefix(line, "VmRSS:"); found {
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kilobytes), "kB")))
			return n << 10, err
		}
	}
	return 0, errors.New("no VmRSS in the process status")
}
