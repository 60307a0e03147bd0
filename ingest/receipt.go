package ingest

import "notifier"

// A Receipt is what was taken of a request, for logs. It names no token.
type Receipt struct {
	// Bytes is the size of the body.
	Bytes int
	// Publications is how many were taken, Refused how many lines of a batch were not.
	Publications, Refused int
	// Tokens is how many tokens they were for, in sum; those for all count as none.
	Tokens int
	// ID is that of the last event.
	ID notifier.ID
}

func receiptOf(size int, pubs []notifier.Publication, acks []notifier.Ack, lines int) Receipt {
	r := Receipt{Bytes: size}
	for i, ack := range acks {
		if ack.Err == nil {
			r.Publications++
			r.Tokens += len(pubs[i].Tokens)
			r.ID = ack.ID
		}
	}
	r.Refused = lines - r.Publications
	return r
}
