package ingest

import (
	"net/http/httptest"
	"testing"
)

// A receipt says what was taken, and nothing if nothing was.
func TestReceipt(t *testing.T) {
	l := &fakeLog{}
	in, w := newIntake(l, Config{}), httptest.NewRecorder()
	const one = `{"tokens":["1","2"]}`
	got, err := in.Publish(w, post("/api", typeJSON, one), anyone)
	if want := (Receipt{Bytes: len(one), Publications: 1, Tokens: 2, ID: got.ID}); err != nil || got != want || got.ID.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	lines := one + "\nbad\n" + `{"all":true}` + "\n\n" + `{"tokens":["3"]}`
	got, err = in.Batch(w, post("/api/batch", typeNDJSON, lines), anyone)
	if want := (Receipt{Bytes: len(lines), Publications: 3, Refused: 1, Tokens: 3, ID: got.ID}); err != nil || got != want || got.ID.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = in.Publish(w, post("/api", typeJSON, "bad"), anyone); err == nil || got != (Receipt{}) {
		t.Errorf("%+v, %v", got, err)
	}
}
