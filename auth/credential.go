package auth

import (
	"net/http"
	"net/url"
	"strings"

	"notifier"
)

// queryNames are the query parameters that carry a token: the name, and those of
// an older server and of the r3labs client.
var queryNames = []string{"token", "tokenId", "stream"}

// A sent is one credential of a request, and the field that holds it.
type sent struct{ value, field string }

// credential finds the one credential of a request, and the field it was in.
func credential(r *http.Request, cookie string) (value, field string, err error) {
	all, err := credentials(r, cookie)
	if err != nil {
		return "", "", err
	}
	return single(all)
}

// single is the credential that all are, and the field it was in first.
func single(all []sent) (value, field string, err error) {
	if len(all) == 0 {
		return "", "", notifier.ErrUnauthorized
	}
	first := all[0]
	for _, other := range all[1:] {
		switch {
		case other.value == first.value:
		case other.field == first.field:
			return "", "", notifier.BadField(other.field, "is there twice, with different values")
		default:
			return "", "", notifier.BadField(other.field, "differs from "+first.field)
		}
	}
	return first.value, first.field, nil
}

// credentials are all that a request holds, empty ones too: whoever writes
// "token=" has meant to send one.
//
// A cookie's value is taken as it stands, not percent-decoded: that is what
// Set-Cookie stored. It can only be ASCII without quotes, semicolon and backslash;
// a cookie with anything else is not seen at all.
func credentials(r *http.Request, cookie string) (all []sent, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, notifier.BadField("query", "is malformed: % must be followed by two hexadecimal digits, and ; does not separate")
	}
	for _, name := range queryNames {
		for _, value := range query[name] {
			all = append(all, sent{value, name})
		}
	}
	for _, c := range r.CookiesNamed(cookie) { // none for ""
		all = append(all, sent{c.Value, "Cookie"})
	}
	return append(all, inAuthorization(r)...), nil
}

func inAuthorization(r *http.Request) (all []sent) {
	for _, value := range r.Header.Values("Authorization") {
		if token, ok := bearer(value); ok {
			all = append(all, sent{token, "Authorization"})
		}
	}
	return all
}

// bearer is the token of an Authorization header. Other schemes are not for us:
// a proxy's Basic must not stand in the way of a token in the query.
func bearer(header string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(header, " ")
	return strings.Trim(token, " "), strings.EqualFold(scheme, "Bearer")
}
