//go:build linux

package main

import "slices"

// dist is durations, sorted.
type dist []int64

func newDist(ns []int64) dist {
	slices.Sort(ns)
	return ns
}

// quantile is the least value that a share q of all do not exceed.
func (d dist) quantile(q float64) int64 {
	i := int(q*float64(len(d))+0.9999999) - 1
	return d[min(max(i, 0), len(d)-1)]
}

func (d dist) put(res result, name string) {
	if len(d) == 0 {
		return
	}
	for suffix, q := range map[string]float64{"p50": .5, "p90": .9, "p99": .99, "p999": .999, "max": 1} {
		res[name+"_"+suffix+"_ms"] = ms(d.quantile(q))
	}
}
