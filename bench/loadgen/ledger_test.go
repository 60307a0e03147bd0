//go:build linux

package main

import "testing"

func TestLedgerCountsWhatIsWrong(t *testing.T) {
	own := func(seq uint32) int { return int(seq) % 2 }
	tests := []struct {
		name  string
		only  func(uint32) int
		given [][2]int // stream, message

		delivered                      int
		doubled, misrouted, disordered int64
	}{
		{"all is well", nil, [][2]int{{0, 0}, {1, 0}, {0, 1}, {1, 1}}, 4, 0, 0, 0},
		{"lost", nil, [][2]int{{0, 0}, {0, 1}, {1, 1}}, 3, 0, 0, 0},
		{"twice to one, none to the other", nil, [][2]int{{0, 0}, {0, 0}}, 1, 1, 0, 0},
		{"overtaken", nil, [][2]int{{0, 1}, {0, 0}, {1, 0}, {1, 1}}, 4, 0, 0, 1},
		{"each its own", own, [][2]int{{0, 0}, {1, 1}, {0, 2}}, 3, 0, 0, 0},
		{"another's", own, [][2]int{{1, 0}}, 0, 0, 1, 0},
		{"never sent", own, [][2]int{{0, 64}}, 0, 0, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLedger(2, 64, tt.only)
			done := 0
			l.done = func(uint32, int64) { done++ }
			for _, g := range tt.given {
				l.note(g[0], marker{seq: uint32(g[1])}, 0)
			}
			if got := l.delivered(0, 64); got != tt.delivered || l.got.Load() != int64(got) || len(l.delays) != got {
				t.Errorf("delivered %d, counted %d, timed %d, want %d", got, l.got.Load(), len(l.delays), tt.delivered)
			}
			if l.doubled != tt.doubled || l.misrouted != tt.misrouted || l.disordered != tt.disordered {
				t.Errorf("doubled %d, misrouted %d, out of order %d", l.doubled, l.misrouted, l.disordered)
			}
			if tt.name == "all is well" && done != 2 {
				t.Errorf("%d messages done, want 2", done)
			}
		})
	}
}
