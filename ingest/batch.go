package ingest

import (
	"bytes"
	"fmt"
	"net/http"

	"notifier"
)

// MaxLines is how many publications one batch may have. Without it the answers to
// a batch of tiny lines would be many times its size.
const MaxLines = 10_000

// Batch is POST /api/batch: a publication of who a line, answered by a line each in the
// same order. A bad line fails alone.
//
// The whole body is read before anything is published, so that a batch that is cut
// off has published nothing.
func (in *Intake) Batch(w http.ResponseWriter, r *http.Request, who *notifier.Publisher) (Receipt, error) {
	_, body, err := in.receive(w, r, nil, in.cfg.MaxBatch, typeNDJSON)
	if err != nil {
		return Receipt{}, err
	}
	results, err := resultsLimit(r)
	if err != nil {
		return Receipt{}, err
	}
	if r.Header["Idempotency-Key"] != nil {
		return Receipt{}, notifier.BadField("Idempotency-Key", "must not be given for a batch: give each line an id")
	}
	pubs, mistakes, err := in.readLines(body, who)
	if err != nil {
		return Receipt{}, err
	}
	var acks []notifier.Ack
	if len(pubs) > 0 {
		if acks, err = in.append(r.Context(), pubs); err != nil {
			return Receipt{}, err
		}
	}
	w.Header().Set("Content-Type", typeNDJSON)
	in.writeLines(w, pubs, acks, mistakes, results)
	return receiptOf(len(body), pubs, acks, len(mistakes)), nil
}

// readLines reads the publications of a batch. For every line that is not blank
// there is one of mistakes, nil if the line is the next of pubs.
func (in *Intake) readLines(body []byte, who *notifier.Publisher) (pubs []notifier.Publication, mistakes []error, err error) {
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		if len(bytes.Trim(line, " \t\r")) == 0 {
			continue
		}
		if len(mistakes) == MaxLines {
			return nil, nil, notifier.BadField("", fmt.Sprintf("must be at most %d lines", MaxLines))
		}
		pub, err := in.readLine(line, who)
		if mistakes = append(mistakes, err); err == nil {
			pubs = append(pubs, pub)
		}
	}
	if len(mistakes) == 0 {
		return nil, nil, notifier.BadField("", "must have at least one line")
	}
	return pubs, mistakes, nil
}

func (in *Intake) readLine(line []byte, who *notifier.Publisher) (notifier.Publication, error) {
	if int64(len(line)) > in.cfg.MaxBody {
		return notifier.Publication{}, tooLarge(in.cfg.MaxBody)
	}
	d := in.draft(who)
	d.readJSON(line)
	pub, err := d.publication("")
	if err == nil {
		err = in.cfg.Allow(who, pub.Tokens)
	}
	return pub, err
}

// writeLines answers each line. If it cannot write, nobody is there to be told.
func (in *Intake) writeLines(w http.ResponseWriter, pubs []notifier.Publication, acks []notifier.Ack, mistakes []error, results int) {
	b := make([]byte, 0, answerSize)
	next := 0
	for _, wrong := range mistakes {
		b = b[:0]
		if wrong == nil {
			pub, ack := &pubs[next], acks[next]
			next++
			if wrong = ack.Err; wrong == nil {
				b = in.answer(b, pub, ack, results)
			}
		}
		if wrong != nil {
			b = append(append(b, bytes.TrimRight(in.cfg.Problem(wrong), "\n")...), '\n')
		}
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}
