package node

// maxStreams is how many streams there may be: as many as were asked for, 0 for any
// number, but no more than the process may open files for. A part of those is left
// for publishers, for the journal, and for telling clients that the server is full:
// a process without descriptors cannot even refuse.
func maxStreams(asked, files int) int {
	if files == 0 {
		return asked
	}
	room := max(files-max(files/20, 64), 1)
	if asked == 0 {
		return room
	}
	return min(asked, room)
}
