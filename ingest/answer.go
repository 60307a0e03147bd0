package ingest

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"notifier"
)

// answerSize is enough for an answer with a few tokens.
const answerSize = 256

// answer appends what a publisher is told of a publication that was taken, and a
// line end. The open streams of each token are in it for up to results tokens.
//
// responseCode and data are the whole answer of the server before this one: its
// publishers look for them.
func (in *Intake) answer(b []byte, pub *notifier.Publication, ack notifier.Ack, results int) []byte {
	streams, counts := in.streams(pub)
	b = append(b, `{"responseCode":0,"data":"OK!","id":"`...)
	b = ack.ID.Append(b)
	b = append(b, `","streams":`...)
	b = strconv.AppendInt(b, int64(streams), 10)
	b = append(b, `,"duplicate":`...)
	b = strconv.AppendBool(b, ack.Duplicate)
	if len(pub.Tokens) <= results {
		b = append(b, `,"results":`...)
		b = appendResults(b, pub.Tokens, counts)
	}
	return append(b, "}\n"...)
}

// streams is how many open streams a publication is for, and how many of them
// belong to each of its tokens.
func (in *Intake) streams(pub *notifier.Publication) (total int, counts []int) {
	if pub.All {
		return in.total(), nil
	}
	counts = in.online(pub.Tokens)
	for _, n := range counts {
		total += n
	}
	return total, counts
}

func appendResults(b []byte, tokens []string, counts []int) []byte {
	b = append(b, '{')
	for i, token := range tokens {
		if i > 0 {
			b = append(b, ',')
		}
		b, _ = jsontext.AppendQuote(b, token) // cannot fail: tokens are valid UTF-8
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(counts[i]), 10)
	}
	return append(b, '}')
}
