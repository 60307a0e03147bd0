package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// room is where the measuring was done.
type room struct {
	date    string
	source  string // commit
	machine string
	load    string // how busy it was before
	fsync   time.Duration
}

func look(ctx context.Context, dir string) (room, error) {
	r := room{date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), source: "unknown"}
	if commit, err := output(ctx, "", "git", "describe", "--always", "--dirty"); err == nil {
		r.source = commit
	}
	r.machine = fmt.Sprintf("%s, %d CPUs, %s, Linux %s, %s", cpuModel(), runtime.NumCPU(), memorySize(), read("/proc/sys/kernel/osrelease"), runtime.Version())
	r.load = strings.Join(strings.Fields(read("/proc/loadavg"))[:3], " ")
	var err error
	r.fsync, err = fsyncTime(dir)
	return r, err
}

func read(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return "unknown unknown unknown"
	}
	return strings.TrimSpace(string(b))
}

func cpuModel() string {
	for line := range strings.SplitSeq(read("/proc/cpuinfo"), "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func memorySize() string {
	var kb float64
	fmt.Sscanf(read("/proc/meminfo"), "MemTotal: %f", &kb)
	return fmt.Sprintf("%.0f GiB", kb/(1<<20))
}

// fsyncTime is the median time of an fsync after appending 4 KiB: what durability
// costs on this disk at the least.
func fsyncTime(dir string) (time.Duration, error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var took []time.Duration
	for range 51 {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return 0, err
		}
		begin := time.Now()
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}
