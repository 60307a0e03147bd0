//go:build race

package journal

// racing: the race detector makes what moves many megabytes ten times slower.
const racing = true
