//go:build !race

package ingest

const racing = false
