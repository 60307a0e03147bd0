// Package auth says who a request is from: it finds the credential and turns it
// into a [notifier.Identity]. It keeps no state about streams and does not answer
// HTTP; what is wrong is an error.
//
// A credential comes as the query parameter token, as a cookie, or as
// Authorization: Bearer. Whoever sends it more than once must send the same one:
// two that differ are a mistake of the client, and guessing which one it meant
// would open the wrong stream.
package auth

import (
	"net/http"

	"notifier"
)

// Open is the mode without secrets: the credential is the stream key itself, so
// whoever knows or guesses a token can read its stream. The cookie is the one
// named; "" is for none. The function returned may be called concurrently. Its
// errors are notifier.FieldErrors that never contain the credential, and
// notifier.ErrUnauthorized if there is none.
func Open(cookie string) func(*http.Request) (notifier.Identity, error) {
	return func(r *http.Request) (notifier.Identity, error) {
		token, field, err := credential(r, cookie)
		if err != nil {
			return notifier.Identity{}, err
		}
		if wrong := notifier.CheckToken(token); wrong != "" {
			return notifier.Identity{}, notifier.BadField(field, wrong)
		}
		return notifier.Identity{Keys: []string{token}}, nil
	}
}
