package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

type versionCmd struct{}

// Help is shown by version --help.
func (versionCmd) Help() string {
	return `Example:

    notifier version`
}

func (versionCmd) Run(out io.Writer) error {
	version := "(unknown)"
	if b, ok := debug.ReadBuildInfo(); ok {
		version = b.Main.Version
	}
	_, err := fmt.Fprintf(out, "notifier %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
