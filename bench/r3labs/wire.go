package main

import (
	"strings"

	"github.com/r3labs/sse/v2"
)

// quietStream is the stream of the findings about single bytes.
const quietStream = "quiet"

// read opens a reader that resumes after lastEventID, publishes the events and
// gives the lines it reads up to the data of the last one.
func read(p *peer, lastEventID string, events ...*sse.Event) ([]string, error) {
	t, response, err := openStream(p.addr, quietStream, lastEventID)
	if err != nil {
		return nil, err
	}
	defer t.conn.Close()
	for _, e := range events {
		p.Publish(quietStream, e)
	}
	return t.readUntil(response.Body, "data: "+string(events[len(events)-1].Data))
}

func text(data string) *sse.Event { return &sse.Event{Data: []byte(data)} }

// ids are the values of the id lines.
func ids(lines []string) []string {
	var ids []string
	for _, line := range lines {
		if id, found := strings.CutPrefix(line, "id: "); found {
			ids = append(ids, id)
		}
	}
	return ids
}

// resumed gives the ids that a reader sees, and those it sees after it resumed
// at the last of them and one more event was published.
func resumed() (before, after []string, err error) {
	p, err := startPeer()
	if err != nil {
		return nil, nil, err
	}
	defer p.close()
	first, err := read(p, "", text("a"), text("b"), text("c"))
	if err != nil {
		return nil, nil, err
	}
	before = ids(first)
	second, err := read(p, before[len(before)-1], text("d"))
	return before, ids(second), err
}

// resumedAfterRestart gives the ids of the first two events of a new server,
// and those that a reader gets there which resumes after lastEventID, an id of
// the server before, and sees one more event published.
func resumedAfterRestart(lastEventID string) (first, resumed []string, err error) {
	p, err := startPeer()
	if err != nil {
		return nil, nil, err
	}
	defer p.close()
	lines, err := read(p, "", text("e"), text("f"))
	if err != nil {
		return nil, nil, err
	}
	missed, err := read(p, lastEventID, text("g"))
	return ids(lines), ids(missed), err
}

// foreignID is the status that a reader gets which brings the id of another
// server.
func foreignID() (status int, err error) {
	p, err := startPeer()
	if err != nil {
		return 0, err
	}
	defer p.close()
	t, response, err := openStream(p.addr, quietStream, "k3f9-17")
	if err != nil {
		return 0, err
	}
	t.conn.Close()
	return response.StatusCode, nil
}

// lineBreaks gives the lines of one event whose name and data both hold line
// breaks.
func lineBreaks() ([]string, error) {
	p, err := startPeer()
	if err != nil {
		return nil, err
	}
	defer p.close()
	return read(p, "", &sse.Event{
		Event: []byte("like\r\nid: 4711"),
		Data:  []byte("a\n\nevent: admin\ndata: forged"),
	}, text("end"))
}

// withoutReplay gives the lines of an event without an id from a server that does
// not keep events and so does not number them.
func withoutReplay() ([]string, error) {
	p, err := startPeer()
	if err != nil {
		return nil, err
	}
	defer p.close()
	p.AutoReplay = false
	return read(p, "", text("a"))
}
