// Package logtest is what every journal.Log must pass: one suite for the log in
// memory, the durable one and any other.
//
// It knows of a log only its interface. It does not take appending to be
// instantaneous: who waits for an event, waits for the follower. Where time must
// pass it runs on the fake clock of testing/synctest.
package logtest

import (
	"slices"
	"testing"
	"testing/synctest"

	"notifier/journal"
)

// A Suite says how to make the logs under test.
type Suite struct {
	// Open returns a new, empty log. The suite closes it.
	Open func(t *testing.T, opts journal.Options) journal.Log
	// Reopen closes a log that Open or Reopen returned and opens it again with the
	// same options, as a process does that is restarted. Every test then runs a
	// second time, with the log reopened between what is written and what is read.
	// Nil for a log that forgets with its process.
	Reopen func(t *testing.T, log journal.Log) journal.Log
	// FakeClock says that the log works in a synctest bubble. Without, tests that
	// need time to pass are skipped.
	FakeClock bool
	// MaxBytes is a bound that the log can hold well: the test of it writes eight
	// times as much. 0 is 1 MiB.
	MaxBytes int64
}

// A test is one of the suite, with the options of its log.
type test struct {
	name  string
	timed bool // lets time pass
	opts  journal.Options
	run   func(*fixture)
}

// Run runs the suite.
func Run(t *testing.T, s Suite) {
	once := s
	once.Reopen = nil
	t.Run("open", once.run)
	if s.Reopen != nil {
		t.Run("reopened", s.run)
	}
}

func (s Suite) run(t *testing.T) {
	tests := slices.Concat(appendTests, pageTests, filterTests, gapTests, forgetTests,
		boundTests, s.byteTests(), ttlTests, keyTests, followTests, concurrentTests, closeTests)
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			switch {
			case s.FakeClock:
				synctest.Test(t, func(t *testing.T) { c.run(s.fixture(t, c.opts)) })
			case c.timed:
				t.Skip("needs a fake clock")
			default:
				c.run(s.fixture(t, c.opts))
			}
		})
	}
}
