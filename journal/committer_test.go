package journal

import "testing"

// TestAlone: who makes a round keeps its processor only while others come one by one, and
// some rounds after they came together.
func TestAlone(t *testing.T) {
	c := newCommitter(nil)
	for range 3 {
		if !c.alone(1) {
			t.Fatal("one after the other are not alone")
		}
	}
	if c.alone(64) {
		t.Error("64 at once are alone")
	}
	// A busy journal has rounds of one, too.
	for range 4 {
		if c.alone(1) {
			t.Error("alone at once after 64")
		}
	}
	for range 40 {
		c.alone(1)
	}
	if !c.alone(1) {
		t.Error("never alone again")
	}
	if c.waiting = append(c.waiting, &job{}); c.alone(1) {
		t.Error("alone while somebody waits")
	}
}
