package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// These tests hold the findings about r3labs' server. No goleak here: one of the
// findings is that it leaks.

// brief is heavy with fewer readers and less waiting for what never comes.
var brief = load{
	events: heavy.events, size: heavy.size,
	healthy: 3, newcomers: 20,
	quiet: time.Second, wait: 200 * time.Millisecond,
}

func TestHealthyReadersGetEverything(t *testing.T) {
	patient := brief
	patient.quiet, patient.wait = patience, patience
	o, err := publish(patient, false)
	if err != nil {
		t.Fatal(err)
	}
	if o.blocked || o.delivered != brief.events || o.answered != brief.newcomers {
		t.Errorf("without a stuck reader: %+v", o)
	}
}

func TestOneStuckReaderStopsItsStream(t *testing.T) {
	o, err := publish(brief, true)
	if err != nil {
		t.Fatal(err)
	}
	if !o.blocked || o.delivered >= brief.events || o.answered != 0 {
		t.Errorf("beside a stuck reader: %+v", o)
	}
}

func TestNewcomersOfARemovedStreamHang(t *testing.T) {
	n, err := removeStream(brief)
	if err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Errorf("all %d newcomers were answered", brief.newcomers)
	}
}

func TestCloseLeaksAGoroutinePerReader(t *testing.T) {
	const readers = 5
	n, err := closeServer(readers)
	if err != nil {
		t.Fatal(err)
	}
	if n != readers {
		t.Errorf("%d goroutines left of %d readers", n, readers)
	}
}

func TestReplayRepeatsTheLastEvent(t *testing.T) {
	before, after, err := resumed()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, []string{"0", "1", "2"}) || !slices.Equal(after, []string{"2", "3"}) {
		t.Errorf("ids %v, then after resuming %v", before, after)
	}
}

func TestIDsRestartWithTheServer(t *testing.T) {
	first, after, err := resumedAfterRestart("2")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first, []string{"0", "1"}) || !slices.Equal(after, []string{"2"}) {
		t.Errorf("ids %v, and for who resumes at 2 %v", first, after)
	}
}

func TestForeignIDIsABadRequest(t *testing.T) {
	status, err := foreignID()
	if err != nil {
		t.Fatal(err)
	}
	if status != 400 {
		t.Errorf("status %d", status)
	}
}

func TestLineBreaksInject(t *testing.T) {
	lines, err := lineBreaks()
	if err != nil {
		t.Fatal(err)
	}
	for _, forged := range []string{"id: 4711", "event: admin", "data: forged"} {
		if !slices.Contains(lines, forged) {
			t.Errorf("no line %q in:\n%s", forged, strings.Join(lines, "\n"))
		}
	}
}

func TestMissingIDIsWrittenEmpty(t *testing.T) {
	lines, err := withoutReplay()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(lines, "id: ") {
		t.Errorf("lines %q", lines)
	}
}
