package node

import "fmt"

// spareFiles is how many of the files that a process may open are kept from streams:
// for publishers, for the journal, and for telling clients that the server is full. A
// process without descriptors cannot even refuse.
func spareFiles(limit int) int { return min(max(limit/20, 64), limit/2) }

// maxStreams is how many streams there may be: as many as were asked for, 0 for any
// number, but no more than the process may open files for.
func maxStreams(asked, files int) int {
	if files == 0 {
		return asked
	}
	room := max(files-spareFiles(files), 1)
	if asked == 0 {
		return room
	}
	return min(asked, room)
}

// filesLeft is an error if half of what is kept from streams is in use too. Either
// number is 0 if it is not known.
func filesLeft(limit, used int) error {
	if left := limit - used; limit > 0 && used > 0 && left < spareFiles(limit)/2 {
		return fmt.Errorf("%d of %d files are open", used, limit)
	}
	return nil
}
