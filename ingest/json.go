package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// A jsonReader reads a JSON body into a draft, in one pass over the top level.
//
// Its methods return an error of the JSON grammar, after which nothing more can be
// read. All other mistakes go into the draft.
type jsonReader struct {
	dec jsontext.Decoder
	src bytes.Buffer

	draft
	body  []byte
	field string // that is being read, "" between fields
}

// readers keeps decoders for the next body. A new one is four of the thirteen
// allocations that a small body would cost.
var readers = sync.Pool{New: func() any { return new(jsonReader) }}

// readJSON reads a body that is one JSON object.
//
// The decoder is strict about UTF-8, surrogate escapes included, and bounds the
// depth. It lets repeated names through since data may have them; those of the
// top level are found here.
func (d *draft) readJSON(body []byte) {
	r := readers.Get().(*jsonReader)
	// A copy of the draft: so the caller's can stay on its stack.
	r.draft, r.body, r.field, r.src = *d, body, "", *bytes.NewBuffer(body)
	r.dec.Reset(&r.src, jsontext.AllowDuplicateNames(true))
	if err := r.object(); err != nil {
		r.bad(r.field, r.syntax(err))
	}
	*d = r.draft
	// Nothing of this body may stay in memory with the reader.
	r.draft, r.body, r.src = draft{}, nil, bytes.Buffer{}
	r.dec.Reset(&r.src)
	readers.Put(r)
}

func (r *jsonReader) object() error {
	if r.dec.PeekKind() != '{' {
		return r.not("", "must be a JSON object")
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for !r.stop && r.dec.PeekKind() != '}' {
		if err := r.member(); err != nil {
			return err
		}
	}
	if r.stop {
		return nil
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	if _, err := r.dec.ReadToken(); err != io.EOF {
		r.bad("", "must have nothing after the JSON object")
	}
	return nil
}

func (r *jsonReader) member() error {
	name, err := r.dec.ReadValue()
	if err != nil {
		return err
	}
	r.field = r.begin(r.unquote(name))
	switch r.field {
	case "tokens":
		err = r.readTokens()
	case "all":
		err = r.readAll()
	case "entityType", "event", "id":
		err = r.readText()
	case "data":
		err = r.readData()
	case "ttl":
		err = r.readTTL()
	default:
		err = r.dec.SkipValue()
	}
	if err == nil {
		r.field = ""
	}
	return err
}

func (r *jsonReader) readTokens() error {
	if r.dec.PeekKind() != '[' {
		return r.not("tokens", "must be an array of strings")
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	sent := 0
	for ; !r.stop && r.dec.PeekKind() != ']'; sent++ {
		isString := r.dec.PeekKind() == '"'
		value, err := r.dec.ReadValue()
		switch {
		case err != nil:
			return err
		case isString:
			r.addToken(sent, r.unquote(value))
		default:
			r.badToken(sent, notString)
		}
	}
	if r.stop {
		return nil
	}
	if sent == 0 {
		r.bad("tokens", "must have at least one token")
	}
	_, err := r.dec.ReadToken()
	return err
}

func (r *jsonReader) readAll() error {
	kind := r.dec.PeekKind()
	if kind != 't' && kind != 'f' {
		return r.not("all", notBoolean)
	}
	r.all = kind == 't'
	return r.dec.SkipValue()
}

func (r *jsonReader) readText() error {
	if r.dec.PeekKind() != '"' {
		return r.not(r.field, notString)
	}
	value, err := r.dec.ReadValue()
	if err == nil {
		r.setText(r.field, r.unquote(value))
	}
	return err
}

func (r *jsonReader) readData() error {
	value, err := r.dec.ReadValue()
	if err == nil {
		// The decoder's slice is only good until it reads on, the body stays.
		end := int(r.dec.InputOffset())
		r.data = r.body[end-len(value) : end]
	}
	return err
}

func (r *jsonReader) readTTL() error {
	kind := r.dec.PeekKind()
	if kind != '"' && kind != '0' {
		return r.not("ttl", ttlWrong(r.maxTTL))
	}
	value, err := r.dec.ReadValue()
	switch {
	case err != nil:
		return err
	case kind == '"':
		r.setTTL(ttlOf(string(r.unquote(value)), r.maxTTL))
	default:
		r.setTTL(ttlOfSeconds(string(value), r.maxTTL))
	}
	return nil
}

// not skips a value of the wrong kind.
func (r *jsonReader) not(field, detail string) error {
	err := r.dec.SkipValue()
	if err == nil {
		r.bad(field, detail)
	}
	return err
}

// unquote is the text of a JSON string that the decoder has found valid: part of
// the body, or a copy if it has escapes.
func (r *jsonReader) unquote(value jsontext.Value) []byte {
	if bytes.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1]
	}
	text, _ := jsontext.AppendUnquote(nil, value)
	return text
}

// syntax says what is wrong with the JSON and where. It does not pass on the
// decoder's words, which repeat what was sent.
func (r *jsonReader) syntax(err error) string {
	var where *jsontext.SyntacticError
	switch {
	case err == io.EOF:
		return "must be a JSON object, but the body is empty"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "must be valid JSON, but it ends too early"
	case !errors.As(err, &where):
		return "must be valid JSON"
	case jsontext.Value(r.body).IsValid(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)):
		return fmt.Sprintf("must be valid Unicode (byte %d)", where.ByteOffset)
	}
	return fmt.Sprintf("must be valid JSON, and not nested too deeply (byte %d)", where.ByteOffset)
}
