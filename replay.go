package notifier

import "time"

// A Query asks a journal for the events of some tokens after a position.
type Query struct {
	// Tokens are the stream keys read; events for all are always among the answer,
	// an event for several of the tokens comes once.
	Tokens []string
	// After is the reader's position: only later events are returned. The zero ID
	// is before everything that is kept, and never a gap.
	After ID
	// Since leaves out events taken before this instant; zero for none.
	Since time.Time
	// Live is the position at which the reader's stream opened. Later events were
	// published while it was open and are returned whatever their ttl; the others
	// only until they expire.
	Live uint64
	// Limit bounds the events, and Bytes the total of their Data, of one page. A
	// page with anything left to return has at least one event. 0 is the journal's
	// own bound.
	Limit, Bytes int
}

// A Page is a journal's answer to a [Query].
type Page struct {
	// Events are oldest first. They are shared: read-only.
	Events []Event
	// Gap says whether events between the reader's position and the first of
	// Events may be missing, and why.
	Gap Gap
	// Start is the query's After, or with a Gap where the log begins to know
	// everything again. Events that are kept although they are older come too.
	Start ID
	// Oldest is the first event still kept for the tokens, the zero ID if none is.
	// Set only with a Gap.
	Oldest ID
	// Next is the position after this page: everything up to it has been returned.
	Next ID
	// More says that there are more events after Next.
	More bool
}

// Gap is why a journal cannot vouch that a page follows the reader's position.
type Gap string

const (
	// GapNone is no gap: nothing is missing.
	GapNone Gap = ""
	// GapExpired is for a position older than what is kept.
	GapExpired Gap = "expired"
	// GapUnknown is for a position of another journal, or one this journal has
	// not reached.
	GapUnknown Gap = "unknown"
)
