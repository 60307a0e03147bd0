package config

import (
	"fmt"
	"strings"
)

// hint suggests the known name that the one written resembles, "" if none does.
// What the names of all variables begin with is no resemblance.
func hint(name string, known []string) string {
	best, least := "", 1+max(2, len(strings.TrimPrefix(name, prefix))/3)
	for _, k := range known {
		if d := distance(name, k); d < least || d == least && k < best {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// distance is the Levenshtein distance of two names: how many bytes must be
// inserted, removed or changed to get from one to the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // distances of the part of a read so far to each b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
