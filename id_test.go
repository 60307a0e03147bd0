package notifier_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"notifier"
)

func TestID(t *testing.T) {
	for id, want := range map[notifier.ID]string{
		{Epoch: 1, Seq: 0}:                              "0000000001-0",
		{Epoch: 0x9f86d08188, Seq: 42}:                  "9f86d08188-42",
		{Epoch: notifier.MaxEpoch, Seq: math.MaxUint64}: "ffffffffff-18446744073709551615",
	} {
		if id.String() != want {
			t.Errorf("got %s, want %s", id, want)
		}
		if got, err := notifier.ParseID(want); got != id || err != nil {
			t.Errorf("ParseID(%s) = %v, %v", want, got, err)
		}
		if len(want) > notifier.MaxID {
			t.Errorf("%s is longer than clients may rely on", want)
		}
	}
}

// FuzzParseID holds that every id has one text: what parses is what String writes.
func FuzzParseID(f *testing.F) {
	for _, s := range []string{
		"9f86d08188-42", "", "-", "42", "9F86D08188-42", "9f86d08188-042", "9f86d08188-+1", "9f86d08188--1",
		"0000000000-1", "9f86d08188-18446744073709551616", "+f86d08188-1", "0x86d08188-1", "9f86d0818_-1",
		"9f86d08188-42\n", strings.Repeat("9", 1000), "9f86d08188-4\x002", "９f86d08188-42",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := notifier.ParseID(s)
		if err != nil {
			if !errors.Is(err, notifier.ErrBadID) || !id.IsZero() {
				t.Fatalf("ParseID(%q) = %v, %v", s, id, err)
			}
			return
		}
		if id.String() != s || id.Epoch == 0 || id.Epoch > notifier.MaxEpoch {
			t.Fatalf("ParseID(%q) = %v", s, id)
		}
	})
}
