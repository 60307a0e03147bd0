//go:build linux

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxFiles is the limit of open files asked for, as much as streams need here.
const maxFiles = 20000

// result is what a command found, by name; it is printed as JSON.
type result map[string]any

// bench is one run of a command.
type bench struct {
	options
	server []int  // process ids of the server
	run    uint16 // marks the payloads of this run
	tokens []string
	res    result
}

var commands = map[string]func(*bench) error{
	"idle": (*bench).idle, "fanout": (*bench).fanout, "unicast": (*bench).unicast,
	"slow": (*bench).slow, "resume": (*bench).resume, "secure": (*bench).secure,
}

func main() {
	var o options
	fs := flag.NewFlagSet("loadgen", flag.ExitOnError)
	o.declare(fs)
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "loadgen idle|fanout|unicast|slow|resume|secure [flags]")
		fs.PrintDefaults()
		os.Exit(2)
	}
	fs.Parse(os.Args[2:])
	name := os.Args[1]

	// The publishing loop and the reading loop keep a processor of Go's each.
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 4))
	debug.SetGCPercent(400)
	unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: maxFiles, Max: maxFiles})

	pids, err := o.pids()
	if err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(2)
	}
	b := &bench{options: o, server: family(pids), run: uint16(rand.Uint32()), res: result{"command": name, "n": o.streams}}
	b.makeTokens()
	err = commands[name](b)
	if err != nil {
		b.res["error"] = err.Error()
	}
	out, _ := json.MarshalIndent(b.res, "", "  ")
	fmt.Println(string(out))
	if err != nil {
		os.Exit(1)
	}
}

// options are the flags; their defaults fit notifier.
type options struct {
	subURL, pubURL, pubType, pubBody string
	subHeaders, pubHeaders           list
	socketIO                         bool
	login                            string
	pidList                          string

	streams, publishers, size int
	rate                      float64
	length, warmup, settle    time.Duration
	patience                  time.Duration

	messages, window int
	saturate         bool
	lines            int
	stuck            int
	missed           int
	http2            bool
}

type list []string

func (l *list) String() string     { return strings.Join(*l, ", ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

func (o *options) declare(fs *flag.FlagSet) {
	fs.StringVar(&o.subURL, "sub-url", "http://127.0.0.1:4001/events?token={token}", "address of a stream")
	fs.Var(&o.subHeaders, "sub-header", "header of the stream's request; repeatable")
	fs.StringVar(&o.pubURL, "pub-url", "http://127.0.0.1:4001/api", "address to POST publications to; {token} is replaced")
	fs.Var(&o.pubHeaders, "pub-header", "header of the publishing request; repeatable")
	fs.StringVar(&o.pubType, "pub-type", "application/json", "its Content-Type")
	fs.StringVar(&o.pubBody, "pub-body", `{"tokens":["{token}"],"entityType":"bench","data":"{payload}"}`, "its body; {token} and {payload} are replaced")
	fs.BoolVar(&o.socketIO, "socket-io", false, "streams speak socket.io over a websocket")
	fs.StringVar(&o.login, "socket-io-login", `421["user_login",{"tokenId":"{token}"}]`, "first socket.io packet; the stream is open when it is acknowledged")
	fs.StringVar(&o.pidList, "pid", "", "process ids of the server, comma between; their children count too")

	fs.IntVar(&o.streams, "n", 1000, "streams")
	fs.IntVar(&o.publishers, "c", 32, "unicast, slow, resume: publishing connections")
	fs.IntVar(&o.size, "size", 128, "bytes of a payload")
	fs.Float64Var(&o.rate, "rate", 1000, "unicast, slow: publications a second")
	fs.DurationVar(&o.length, "length", 10*time.Second, "idle, unicast, slow: how long it measures")
	fs.DurationVar(&o.warmup, "warmup", time.Second, "unicast: time before, not measured")
	fs.DurationVar(&o.settle, "settle", 300*time.Millisecond, "pause when the streams are open")
	fs.DurationVar(&o.patience, "patience", 5*time.Second, "wait for events that do not come")

	fs.IntVar(&o.messages, "m", 20, "fanout: publications in each part")
	fs.IntVar(&o.window, "w", 8, "fanout: publications in flight in the second part; 0 leaves it out")
	fs.BoolVar(&o.saturate, "saturate", false, "unicast: each publishing connection sends again as soon as it is answered")
	fs.IntVar(&o.lines, "lines", 1, "unicast: publications in each request, one a line")
	fs.IntVar(&o.stuck, "stuck", 5, "slow: streams that never read")
	fs.BoolVar(&o.http2, "http2", false, "secure: streams share connections")
	fs.IntVar(&o.missed, "missed", 500, "resume: events that each stream misses")
}

func (o *options) pids() (pids []int, err error) {
	for _, f := range strings.FieldsFunc(o.pidList, func(r rune) bool { return r == ',' }) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			return nil, fmt.Errorf("-pid: %w", err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// makeTokens makes a token for each stream. They begin with the run: what an earlier
// one left in the server does not matter.
func (b *bench) makeTokens() {
	b.tokens = make([]string, b.streams)
	for i := range b.tokens {
		b.tokens[i] = fmt.Sprintf("b%04x-%d", b.run, i)
	}
}

// token is the token of stream i in commands in which each stream has its own.
func (b *bench) token(i int) string { return b.tokens[i] }

func (b *bench) poolConfig(token func(int) string, book *ledger) (poolConfig, error) {
	to, err := parseTarget(b.subURL)
	return poolConfig{to: to, headers: b.subHeaders, socketIO: b.socketIO, login: b.login,
		n: b.streams, token: token, run: b.run, book: book}, err
}

func (b *bench) newPublisher(connections int, token func(seq uint32) string) (*publisher, error) {
	to, err := parseTarget(b.pubURL)
	if err != nil {
		return nil, err
	}
	return newPublisher(pubConfig{to: to, headers: b.pubHeaders, contentType: b.pubType, body: b.pubBody,
		lines: b.lines, size: b.size, run: b.run, connections: connections, token: token})
}

func nowNs() int64 { return time.Now().UnixNano() }
