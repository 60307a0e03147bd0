package auth

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"notifier"
)

// maxDenials is how many denials there may be at a time.
const maxDenials = 100_000

// A Subject is whom a denial is for: a token, or the credential that has an ID. One
// of both is set.
type Subject struct {
	Token string `json:"token,omitempty"`
	JWT   string `json:"jwt,omitempty"` // the ID (jti)
}

// Check says in words what is wrong with a subject; the field is "" if nothing is.
func (s Subject) Check() (field, wrong string) {
	switch {
	case (s.Token == "") == (s.JWT == ""):
		return "token", "or jwt is required, and not both"
	case s.Token != "":
		field, wrong = "token", notifier.CheckToken(s.Token)
	default:
		field, wrong = "jwt", notifier.CheckToken(s.JWT)
	}
	if wrong == "" {
		field = ""
	}
	return field, wrong
}

// Compare orders subjects: tokens after credentials, each by their texts.
func (s Subject) Compare(other Subject) int {
	return cmp.Or(strings.Compare(s.Token, other.Token), strings.Compare(s.JWT, other.JWT))
}

// A Denial keeps a subject out until an instant.
type Denial struct {
	Subject
	Until time.Time `json:"until"`
}

// A DenyList keeps subscribers out whose credential is still good. What it was told
// is durable when it returns, and in force; it survives restarts. All methods may be
// called concurrently.
type DenyList struct {
	path    string                                // "" keeps it in memory
	denials atomic.Pointer[map[Subject]time.Time] // never changed in place

	mu      sync.Mutex
	pending []*change

	saving sync.Mutex // held by whoever saves for all who wait
}

// A change is a denial, or the end of one.
type change struct {
	Denial
	lift bool
	done bool // owned by whoever holds saving, as is err
	err  error
}

// OpenDenyList reads the list in a file, which need not exist; "" is for a list that
// ends with the process.
func OpenDenyList(path string) (*DenyList, error) {
	l := &DenyList{path: path}
	denials, err := readDenials(path)
	if err != nil {
		return nil, fmt.Errorf("the deny list: %w", err)
	}
	l.denials.Store(&denials)
	return l, nil
}

// Deny keeps out a valid subject until an instant, whatever was said of it before.
// Errors are a [notifier.LimitError], and [notifier.ErrUnavailable] if the disk does
// not take it: then nothing has changed.
func (l *DenyList) Deny(s Subject, until time.Time) error {
	return l.save(&change{Denial: Denial{s, until}})
}

// Lift ends a denial, and reports whether there was one. The error is
// [notifier.ErrUnavailable].
func (l *DenyList) Lift(s Subject) (bool, error) {
	if !l.denied(s) {
		return false, nil
	}
	return true, l.save(&change{Denial: Denial{Subject: s}, lift: true})
}

// List is what is denied after a subject, at most limit of it, in the order of
// [Subject.Compare], and how much is denied in all. keep says what is of interest.
func (l *DenyList) List(after Subject, limit int, keep func(Subject) bool) (page []Denial, total int) {
	now := time.Now()
	for s, until := range *l.denials.Load() {
		if !now.Before(until) || !keep(s) {
			continue
		}
		total++
		if s.Compare(after) > 0 {
			page = append(page, Denial{s, until})
		}
	}
	slices.SortFunc(page, func(a, b Denial) int { return a.Compare(b.Subject) })
	return page[:min(limit, len(page))], total
}

// Refuses reports whether any of a subscriber's tokens, or its credential, is denied.
func (l *DenyList) Refuses(who notifier.Identity) bool {
	return who.Credential != "" && l.denied(Subject{JWT: who.Credential}) ||
		slices.ContainsFunc(who.Keys, func(token string) bool { return l.denied(Subject{Token: token}) })
}

func (l *DenyList) denied(s Subject) bool {
	until, ok := (*l.denials.Load())[s]
	return ok && time.Now().Before(until)
}

// Guard refuses with [notifier.ErrForbidden] whom a mode lets in and the list does
// not.
func (l *DenyList) Guard(mode func(*http.Request) (notifier.Identity, error)) func(*http.Request) (notifier.Identity, error) {
	return func(r *http.Request) (notifier.Identity, error) {
		who, err := mode(r)
		if err == nil && l.Refuses(who) {
			return notifier.Identity{}, fmt.Errorf("%w: denied for a time", notifier.ErrForbidden)
		}
		return who, err
	}
}

// save makes a change durable, and then effective. Those who come while the disk is
// busy are saved together by the first of them.
func (l *DenyList) save(c *change) error {
	l.mu.Lock()
	l.pending = append(l.pending, c)
	l.mu.Unlock()

	l.saving.Lock()
	defer l.saving.Unlock()
	if !c.done {
		l.mu.Lock()
		changes := l.pending
		l.pending = nil
		l.mu.Unlock()
		l.apply(changes)
	}
	return c.err
}

func (l *DenyList) apply(changes []*change) {
	now := time.Now()
	next := maps.Clone(*l.denials.Load())
	maps.DeleteFunc(next, func(_ Subject, until time.Time) bool { return !now.Before(until) })
	for _, c := range changes {
		c.done = true
		_, known := next[c.Subject]
		switch {
		case c.lift:
			delete(next, c.Subject)
		case !known && len(next) >= maxDenials:
			c.err = &notifier.LimitError{Limit: "denials", Detail: fmt.Sprintf("%d tokens and credentials are denied, which is as many as may be", maxDenials)}
		default:
			next[c.Subject] = c.Until
		}
	}
	if err := writeDenials(l.path, next); err != nil {
		for _, c := range changes {
			c.err = fmt.Errorf("%w: the deny list: %w", notifier.ErrUnavailable, err)
		}
		return
	}
	l.denials.Store(&next)
}
