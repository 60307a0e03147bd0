//go:build linux

package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// tick is the unit of CPU times in /proc, seconds: USER_HZ is 100 on Linux.
const tick = 0.01

// family is processes and all their descendants.
func family(roots []int) []int {
	family := slices.Clone(roots)
	for again := len(roots) > 0; again; {
		again = false
		for pid, parent := range parents() {
			if slices.Contains(family, parent) && !slices.Contains(family, pid) {
				family, again = append(family, pid), true
			}
		}
	}
	return family
}

func parents() map[int]int {
	parents := map[int]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if fields := statOf(pid); fields != nil {
			parents[pid], _ = strconv.Atoi(fields[1])
		}
	}
	return parents
}

// statOf is a process's stat line from its state on; nil if it is gone.
func statOf(pid int) []string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	s := string(b)
	return strings.Fields(s[strings.LastIndexByte(s, ')')+1:]) // its name may hold anything
}

func cpuOf(pids []int) (seconds float64) {
	for _, pid := range pids {
		if fields := statOf(pid); fields != nil {
			user, _ := strconv.ParseFloat(fields[11], 64)
			system, _ := strconv.ParseFloat(fields[12], 64)
			seconds += (user + system) * tick
		}
	}
	return seconds
}

func rssOf(pids []int) (bytes int64) {
	for _, pid := range pids {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
		if err != nil {
			continue
		}
		pages, _ := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
		bytes += pages * int64(os.Getpagesize())
	}
	return bytes
}

// machineCPU is the CPU time that the whole machine has used.
func machineCPU() (seconds float64) {
	b, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(b), "\n")
	for i, f := range strings.Fields(line)[1:] {
		switch i {
		case 0, 1, 2, 5, 6: // user, nice, system, interrupts: not idle, stolen, guests
			v, _ := strconv.ParseFloat(f, 64)
			seconds += v * tick
		}
	}
	return seconds
}

func ownCPU() float64 {
	var ru unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &ru)
	return float64(ru.Utime.Nano()+ru.Stime.Nano()) / 1e9
}

// tcpMemory is what the kernel uses for the buffers of all TCP sockets.
func tcpMemory() int64 {
	b, _ := os.ReadFile("/proc/net/sockstat")
	for line := range strings.SplitSeq(string(b), "\n") {
		fields := strings.Fields(line)
		if i := slices.Index(fields, "mem"); i >= 0 && fields[0] == "TCP:" {
			pages, _ := strconv.ParseInt(fields[i+1], 10, 64)
			return pages * int64(os.Getpagesize())
		}
	}
	return 0
}

// usage is CPU time used, seconds: by the server, by this program, by all.
type usage struct{ server, own, all float64 }

func snap(server []int) usage { return usage{cpuOf(server), ownCPU(), machineCPU()} }

func (u usage) since(server []int) usage {
	v := snap(server)
	return usage{v.server - u.server, v.own - u.own, v.all - u.all}
}

// put tells of others too: where they used much, a run is worth little.
func (u usage) put(res result, prefix string) {
	res[prefix+"server_cpu_s"] = round(u.server, 2)
	res[prefix+"loadgen_cpu_s"] = round(u.own, 2)
	res[prefix+"others_cpu_s"] = round(max(0, u.all-u.server-u.own), 2)
}

func (u usage) perMillion(res result, name string, deliveries int) {
	if deliveries > 0 {
		res[name] = round(u.server/float64(deliveries)*1e6, 2)
	}
}

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

func ms(ns int64) float64 { return round(float64(ns)/1e6, 3) }
