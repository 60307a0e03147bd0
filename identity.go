package notifier

import "time"

// An Identity is who a subscriber turned out to be.
type Identity struct {
	// Key is the stream key: the token that publishers address.
	Key string
	// Expires is when the stream must end; zero for never.
	Expires time.Time
}
