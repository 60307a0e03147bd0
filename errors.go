package notifier

import (
	"errors"
	"strings"
	"time"
)

// Errors that cross package borders. One place turns them into HTTP answers, so
// wrap them (%w) with what an operator needs to know: clients see only what the
// sentinel stands for.
var (
	// ErrUnauthorized: no credential, or one that is not valid.
	ErrUnauthorized = errors.New("unauthorized")
	// ErrForbidden: a valid credential that does not allow this.
	ErrForbidden = errors.New("forbidden")
	// ErrTooManyStreams: the token has as many open streams as it may have.
	ErrTooManyStreams = errors.New("too many open streams for this token")
	// ErrConflict: the idempotency key was used for another publication.
	ErrConflict = errors.New("idempotency key already used for a different publication")
	// ErrUnavailable: the journal cannot take or read events now; nothing was
	// stored, and the same request may succeed later.
	ErrUnavailable = errors.New("temporarily unavailable")
	// ErrTooLarge: the body is over its limit.
	ErrTooLarge = errors.New("body too large")
	// ErrMediaType: the body is of a type or encoding that is not taken.
	ErrMediaType = errors.New("unsupported media type")
	// ErrTimeout: the request did not arrive in time.
	ErrTimeout = errors.New("request not received in time")
)

// A LimitError refuses what would be allowed later: nothing was done.
type LimitError struct {
	// Limit is the setting that refuses, as "publish-rate": for logs and counters.
	Limit string
	// Detail says in words what is too much, without naming a token.
	Detail string
	// After is how long to wait before trying again; 0 if nobody can know.
	After time.Duration
}

func (e *LimitError) Error() string { return e.Limit + ": " + e.Detail }

// A FieldError says what is wrong with one field of a request. Detail must not
// repeat the value: it may be a secret.
type FieldError struct {
	// Field is the field's path in the request, as "tokens[3]"; "" for the whole.
	Field string
	// Detail says in words what is wrong, as "must be a string".
	Detail string
}

// FieldErrors is every mistake found in a request.
type FieldErrors []FieldError

// BadField is the mistake in one field.
func BadField(field, detail string) error { return FieldErrors{{field, detail}} }

func (e FieldErrors) Error() string {
	var b strings.Builder
	for i, f := range e {
		if i > 0 {
			b.WriteString("; ")
		}
		if f.Field != "" {
			b.WriteString(f.Field + " ")
		}
		b.WriteString(f.Detail)
	}
	return b.String()
}

// Denied is every field of a request that is right in itself, but that its
// publisher is not allowed. It is an [ErrForbidden].
type Denied FieldErrors

func (e Denied) Error() string { return FieldErrors(e).Error() }

// Is makes it an ErrForbidden.
func (e Denied) Is(target error) bool { return target == ErrForbidden }
