package loadtest

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestWriteSVG(t *testing.T) {
	r := &Result{Streams: 2, Delivered: 40, Buckets: []Bucket{{1, 10}, {2, 30}}, Seconds: []Second{{10, 1, 2}, {30, 1, 4}}}
	var b strings.Builder
	if err := r.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	elements := map[string]int{}
	d := xml.NewDecoder(strings.NewReader(b.String()))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok {
			elements[e.Name.Local]++
		}
	}
	if elements["rect"] != 3 || elements["polyline"] != 3 { // with the background
		t.Errorf("elements %v", elements)
	}
	for _, want := range []string{"≤ 2 ms", "75.0 %", "2 s"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q", want)
		}
	}
}

// TestWriteSVGOfNothing must not divide by zero.
func TestWriteSVGOfNothing(t *testing.T) {
	var b strings.Builder
	if err := new(Result).WriteSVG(&b); err != nil || strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
		t.Errorf("%v %s", err, b.String())
	}
}
