// Command notifier is a server of events for browsers and other HTTP clients, and
// what one needs by hand: send publishes an event, listen prints a stream, journal
// looks into what a stopped server keeps, check-config and config into its settings.
//
// It only reads flags and signals; the server is package node, what it keeps is
// package journal. It ends with 0 if all went well, 1 if something failed, 2 if it
// was called wrongly, and 130 at the second signal.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"notifier/internal/config"
)

const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// commands is the whole command line.
type commands struct {
	Serve       serveCmd       `cmd:"" default:"withargs" help:"Run the server; what is done without a command."`
	Send        sendCmd        `cmd:"" help:"Publish an event."`
	Listen      listenCmd      `cmd:"" help:"Print the events of a stream as they come."`
	Token       tokenCmd       `cmd:"" help:"Make a JSON Web Token to try things out with."`
	Key         keyCmd         `cmd:"" help:"Make API keys for publishers."`
	Journal     journalCmd     `cmd:"" help:"Look into what a stopped server keeps."`
	CheckConfig checkConfigCmd `cmd:"" help:"Say what is wrong with a file of settings."`
	Config      configCmd      `cmd:"" help:"Print the settings in effect, and where each is from."`
	Bench       benchCmd       `cmd:"" help:"Put load on a server and measure."`
	Doctor      doctorCmd      `cmd:"" help:"Examine what stands in front of a server."`
	Ready       readyCmd       `cmd:"" help:"Ask whether a server is ready."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

func main() {
	_, command, err := parse(os.Args[1:])
	if err != nil {
		fail(exitUsage, err)
	}
	command.BindTo(interruptible(), (*context.Context)(nil))
	if err := command.Run(); err != nil {
		fail(exitFailed, err)
	}
}

// parse reads a command line, and the settings that belong to its command.
func parse(args []string) (*commands, *kong.Context, error) {
	var c commands
	parser := kong.Must(&c,
		kong.Name("notifier"),
		kong.Description("Events for browsers: publish with POST, read with EventSource, lose nothing in between."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 80}),
		kong.ValueFormatter(func(v *kong.Value) string { return v.Help }),
		kong.BindTo(os.Stdin, (*io.Reader)(nil)),
		kong.BindTo(os.Stdout, (*io.Writer)(nil)),
	)
	command, err := parser.Parse(args)
	if mistakes, ok := errors.AsType[config.Mistakes](err); ok {
		err = mistakes // without the name of the command
	}
	return &c, command, err
}

// interruptible is a context that the first SIGINT or SIGTERM ends. The second
// ends the program.
func interruptible() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(exitInterrupted)
	}()
	return ctx
}

// A usageError is a mistake on the command line that only its command can see.
type usageError struct{ error }

func fail(code int, err error) {
	if errors.As(err, new(usageError)) {
		code = exitUsage
	}
	fmt.Fprintln(os.Stderr, "notifier:", strings.ReplaceAll(err.Error(), "\n", "\n  "))
	os.Exit(code)
}
