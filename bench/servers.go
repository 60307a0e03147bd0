package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
)

// server is one that is measured.
type server struct {
	key     string // for scenarios, folders and tables
	does    string // what it is measured as
	install func(ctx context.Context, dir string) (*program, error)
}

// program is an installed server.
type program struct {
	version string
	// flags tell loadgen how it is spoken to, with {addr} for its address.
	flags []string
	// start makes the command of a process at addr that may use the empty folder data.
	start func(ctx context.Context, addr, data string) (*exec.Cmd, error)
}

// The servers, in the order of tables.
const (
	floor   = "floor"
	memory  = "notifier, in memory"
	durable = "notifier, on disk"
	overTLS = "notifier, TLS"
	http2   = "notifier, HTTP 2"
	nchan   = "Nchan"
	r3labs  = "r3labs"
	sockets = "socket.io"
)

var servers = []server{
	{floor, "`bench/floor`: one thread that writes to sockets in a loop", installFloor},
	{memory, "`notifier --data memory`", installNotifier("memory")},
	{durable, "`notifier`: an answer of 200 means that the event is on disk", installNotifier("")},
	{overTLS, "`notifier --data memory --tls-cert … --tls-key …`, a connection for each stream", installNotifierTLS()},
	{http2, "the same, 1000 streams on each connection", installNotifierTLS("-http2")},
	{nchan, "a module of nginx, one worker, one channel a token, events in memory", installNchan},
	{r3labs, "`bench/peers/r3labs`: the server of the Go package sse/v2, one stream a token, events in memory", installR3labs},
	{sockets, "`bench/peers/socketio`: rooms on Node.js over websockets, keeps no events", installSocketIO},
}

// ours are the flags for servers that take what notifier takes.
var ours = []string{"-sub-url", "http://{addr}/events?token={token}", "-pub-url", "http://{addr}/api"}

func installFloor(ctx context.Context, dir string) (*program, error) {
	path, err := build(ctx, dir, "floor", "notifier/bench/floor")
	return &program{flags: ours, start: func(ctx context.Context, addr, _ string) (*exec.Cmd, error) {
		return command(ctx, path, "-listen", addr), nil
	}}, err
}

// installNotifier is for a journal in memory, or, if data is empty, on disk.
func installNotifier(data string) func(context.Context, string) (*program, error) {
	return func(ctx context.Context, dir string) (*program, error) {
		path, err := build(ctx, dir, "notifier", "notifier/cmd/notifier")
		return &program{flags: ours, start: func(ctx context.Context, addr, empty string) (*exec.Cmd, error) {
			to := data
			if to == "" {
				to = filepath.Join(empty, "journal")
			}
			return serve(ctx, path, addr, to), nil
		}}, err
	}
}

// serve runs notifier without the limits that a benchmark would run into, and
// without an access log, as the others.
func serve(ctx context.Context, path, addr, data string, more ...string) *exec.Cmd {
	args := []string{"serve", "--listen", addr, "--admin-listen", "", "--data", data,
		"--streams-per-token", "0", "--connect-rate", "0", "--access-log", "off", "--drain", "0s"}
	return command(ctx, path, append(args, more...)...)
}

// installNotifierTLS is for a certificate of its own making; flags are loadgen's.
func installNotifierTLS(flags ...string) func(context.Context, string) (*program, error) {
	return func(ctx context.Context, dir string) (*program, error) {
		path, err := build(ctx, dir, "notifier", "notifier/cmd/notifier")
		if err != nil {
			return nil, err
		}
		cert, key, err := writeCertificate(dir)
		return &program{flags: append(flags, "-sub-url", "https://{addr}/events?token={token}"), start: func(ctx context.Context, addr, _ string) (*exec.Cmd, error) {
			return serve(ctx, path, addr, "memory", "--tls-cert", cert, "--tls-key", key), nil
		}}, err
	}
}

func installR3labs(ctx context.Context, dir string) (*program, error) {
	path, err := build(ctx, dir, "r3labs", "notifier/bench/peers/r3labs")
	if err != nil {
		return nil, err
	}
	version, err := output(ctx, "", "go", "list", "-m", "-f", "{{.Version}}", "github.com/r3labs/sse/v2")
	return &program{version: version,
		flags: []string{"-sub-url", "http://{addr}/events?stream={token}", "-pub-url", "http://{addr}/api?stream={token}", "-pub-type", "text/plain", "-pub-body", "{payload}"},
		start: func(ctx context.Context, addr, _ string) (*exec.Cmd, error) {
			return command(ctx, path, "-listen", addr), nil
		}}, err
}

//go:embed peers/socketio
var peers embed.FS

// installSocketIO installs the exact versions of the lock file.
func installSocketIO(ctx context.Context, dir string) (*program, error) {
	files, err := fs.Sub(peers, "peers/socketio")
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(dir, files); err != nil {
		return nil, err
	}
	if _, err := output(ctx, dir, "npm", "ci", "--no-audit", "--no-fund"); err != nil {
		return nil, err
	}
	version, err := output(ctx, dir, "node", "-p", `require("socket.io/package.json").version + ", Node.js " + process.version`)
	return &program{version: version,
		flags: []string{"-socket-io", "-sub-url", "http://{addr}/socket.io/?EIO=4&transport=websocket", "-pub-url", "http://{addr}/api"},
		start: func(ctx context.Context, addr, _ string) (*exec.Cmd, error) {
			return command(ctx, "node", filepath.Join(dir, "server.js"), addr), nil
		}}, err
}

// installNchan takes the module out of Debian's package, for the nginx that is there.
func installNchan(ctx context.Context, dir string) (*program, error) {
	path, err := exec.LookPath("nginx")
	if err != nil {
		path = "/usr/sbin/nginx" // not in everybody's PATH
	}
	version, err := output(ctx, dir, path, "-v")
	if err != nil {
		return nil, err
	}
	if _, err := output(ctx, dir, "apt-get", "download", "libnginx-mod-nchan"); err != nil {
		return nil, err
	}
	packages, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(packages) != 1 {
		return nil, errors.Join(err, fmt.Errorf("%d packages", len(packages)))
	}
	if _, err := output(ctx, dir, "dpkg-deb", "-x", packages[0], "."); err != nil {
		return nil, err
	}
	module := filepath.Join(dir, "usr/lib/nginx/modules/ngx_nchan_module.so")
	_, version, _ = strings.Cut(version, "version: ")
	_, of, _ := strings.Cut(filepath.Base(packages[0]), "_")
	of, _, _ = strings.Cut(strings.ReplaceAll(of, "%3a", ":"), "_")
	return &program{version: of + ", " + version,
		flags: []string{"-sub-url", "http://{addr}/events?token={token}", "-pub-url", "http://{addr}/api?token={token}", "-pub-type", "text/plain", "-pub-body", "{payload}"},
		start: func(ctx context.Context, addr, data string) (*exec.Cmd, error) {
			me, err := user.Current()
			if err != nil {
				return nil, err
			}
			group, err := user.LookupGroupId(me.Gid)
			if err != nil {
				return nil, err
			}
			conf := filepath.Join(data, "nginx.conf")
			text := strings.NewReplacer("{addr}", addr, "{data}", data, "{module}", module, "{user}", me.Username, "{group}", group.Name).Replace(nginxConf)
			return command(ctx, path, "-c", conf, "-p", data, "-e", filepath.Join(data, "error.log")), os.WriteFile(conf, []byte(text), 0o644)
		}}, nil
}

//go:embed peers/nchan/nginx.conf
var nginxConf string
