package journal_test

import (
	"testing"

	"notifier/journal"
	"notifier/journal/logtest"
)

// TestMemory holds Memory to what every log must do.
func TestMemory(t *testing.T) {
	logtest.Run(t, logtest.Suite{
		Open:      func(_ *testing.T, opts journal.Options) journal.Log { return journal.Memory(opts) },
		FakeClock: true,
	})
}
