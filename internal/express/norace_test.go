//go:build !race

package express

const racing = false
