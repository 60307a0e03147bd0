// Package ingest is how publications come in: POST /api, POST /api/batch and the
// form bodies of old. It bounds and reads a body, decodes it in one pass, says
// everything that is wrong with it by field, hands what is right to a journal and
// writes the answer.
//
// It refuses rather than guesses: unknown and repeated fields, other content
// types, compressed bodies. It holds a publisher to the tokens that it may address.
// It decides nothing else: not who a publisher is, not what is kept or a duplicate,
// not how an error looks as HTTP. A handler that
// returns an error has written nothing and taken nothing.
package ingest

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"

	"notifier"
)

// Append takes publications into a journal; see journal.Log for what it promises.
type Append func(ctx context.Context, pubs []notifier.Publication) ([]notifier.Ack, error)

// Online counts the open streams of each token, in the order given.
type Online func(tokens []string) []int

// Config bounds what publishers may send.
type Config struct {
	// MaxBody bounds a body, and one line of a batch, in bytes. Default 1 MiB.
	MaxBody int64
	// MaxBatch bounds the body of a whole batch in bytes. Default 16 MiB.
	MaxBatch int64
	// BodyTimeout is how long a body may take to arrive. Default 30 s.
	BodyTimeout time.Duration
	// DefaultTTL is for publications that ask for none, MaxTTL is the longest that
	// one may ask for. They have no default: 0 is for live streams only.
	DefaultTTL, MaxTTL time.Duration
	// Allow is asked about each publication that is right otherwise, before any of
	// the request is appended; tokens is nil for one to all. Its error refuses the
	// publication. It may be called concurrently. Nil allows all.
	Allow func(who *notifier.Publisher, tokens []string) error
	// Problem is the error as one line of JSON, with or without its line end, which
	// answers a bad line of a batch in its place. Batch needs it.
	Problem func(error) []byte
}

// An Intake has the handlers that publishers talk to. They may be called
// concurrently.
//
// An error that they return is for the caller to answer: nothing was written and
// nothing was published. It is a notifier.FieldErrors or notifier.Denied, wraps
// ErrTooLarge, ErrMediaType or ErrTimeout, or is what Config.Allow or the journal
// said. Nil means that the
// answer was written, as far as the client was still there to read it.
type Intake struct {
	append Append
	online Online
	total  func() int
	cfg    Config
}

// New returns an Intake that publishes with append; total counts all open streams.
func New(append Append, online Online, total func() int, cfg Config) *Intake {
	cfg.MaxBody = cmp.Or(cfg.MaxBody, 1<<20)
	cfg.MaxBatch = cmp.Or(cfg.MaxBatch, 16<<20)
	cfg.BodyTimeout = cmp.Or(cfg.BodyTimeout, 30*time.Second)
	if cfg.Allow == nil {
		cfg.Allow = func(*notifier.Publisher, []string) error { return nil }
	}
	return &Intake{append: append, online: online, total: total, cfg: cfg}
}

// Publish is POST /api: one publication of who, as JSON or as a form.
func (in *Intake) Publish(w http.ResponseWriter, r *http.Request, who *notifier.Publisher) (Receipt, error) {
	own := rooms.Get().(*room)
	defer rooms.Put(own)
	kind, body, err := in.receive(w, r, own.body[:], in.cfg.MaxBody, typeJSON, typeForm)
	if err != nil {
		return Receipt{}, err
	}
	results, err := resultsLimit(r)
	if err != nil {
		return Receipt{}, err
	}
	key, err := headerKey(r.Header)
	if err != nil {
		return Receipt{}, err
	}
	d := in.draft(who)
	if kind == typeForm {
		d.readForm(body)
	} else {
		d.readJSON(body)
	}
	pub, err := d.publication(key)
	if err != nil {
		return Receipt{}, err
	}
	if err := in.cfg.Allow(who, pub.Tokens); err != nil {
		return Receipt{}, err
	}
	acks, err := in.append(r.Context(), []notifier.Publication{pub})
	if err != nil {
		return Receipt{}, err
	}
	if err := acks[0].Err; err != nil {
		return Receipt{}, err
	}
	w.Header()["Content-Type"] = jsonAnswer
	w.Write(in.answer(own.answer[:0], &pub, acks[0], results))
	return Receipt{Bytes: len(body), Publications: 1, Tokens: len(pub.Tokens), ID: acks[0].ID}, nil
}

// jsonAnswer is shared: nobody changes it.
var jsonAnswer = []string{typeJSON}

// A room has a usual body and its answer, and then those of another request: no
// publication and no error may share the bytes of its body.
type room struct {
	body   [1 << 10]byte
	answer [answerSize]byte
}

var rooms = sync.Pool{New: func() any { return new(room) }}

// draft is where a publication of who is read into.
func (in *Intake) draft(who *notifier.Publisher) draft {
	return draft{who: who, maxTTL: in.cfg.MaxTTL, ttl: in.cfg.DefaultTTL}
}
