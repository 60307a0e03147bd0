package auth

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"notifier"
)

// request has the raw query and, where not empty, the headers given.
func request(query, cookie string, authorization ...string) *http.Request {
	r := &http.Request{URL: &url.URL{Path: "/events", RawQuery: query}, Header: http.Header{}}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	return r
}

func TestOpen(t *testing.T) {
	long := strings.Repeat("x", notifier.MaxToken+1)
	const (
		malformed = "is malformed: % must be followed by two hexadecimal digits, and ; does not separate"
		twice     = "is there twice, with different values"
		empty     = "must not be empty"
	)
	tests := []struct {
		name string
		r    *http.Request
		key  string // "" if refused
		bad  notifier.FieldError
	}{
		{"query", request("token=s3cret", ""), "s3cret", notifier.FieldError{}},
		{"the older name", request("tokenId=s3cret", ""), "s3cret", notifier.FieldError{}},
		{"the r3labs name", request("stream=s3cret", ""), "s3cret", notifier.FieldError{}},
		{"cookie", request("", "a=b; notifier_token=s3cret"), "s3cret", notifier.FieldError{}},
		{"bearer", request("", "", "Bearer s3cret"), "s3cret", notifier.FieldError{}},
		{"bearer in other case", request("", "", "bearer  s3cret"), "s3cret", notifier.FieldError{}},
		{"escaped in the query", request("token=a%20%C3%A9%26", ""), "a é&", notifier.FieldError{}},
		{"raw in the cookie", request("", "notifier_token=a%20b"), "a%20b", notifier.FieldError{}},
		{"as long as may be", request("token="+long[1:], ""), long[1:], notifier.FieldError{}},

		{"the same everywhere", request("token=s3cret&tokenId=s3cret&stream=s3cret&token=s3cret", "notifier_token=s3cret; notifier_token=s3cret", "Bearer s3cret", "Bearer s3cret"), "s3cret", notifier.FieldError{}},
		{"query twice", request("token=s3cret&token=other", ""), "", notifier.FieldError{Field: "token", Detail: twice}},
		{"query and alias", request("token=s3cret&stream=other", ""), "", notifier.FieldError{Field: "stream", Detail: "differs from token"}},
		{"query and cookie", request("token=s3cret", "notifier_token=other"), "", notifier.FieldError{Field: "Cookie", Detail: "differs from token"}},
		{"query and bearer", request("tokenId=s3cret", "", "Bearer other"), "", notifier.FieldError{Field: "Authorization", Detail: "differs from tokenId"}},
		{"cookie and bearer", request("", "notifier_token=s3cret", "Bearer other"), "", notifier.FieldError{Field: "Authorization", Detail: "differs from Cookie"}},
		{"cookie twice", request("", "notifier_token=s3cret; notifier_token=other"), "", notifier.FieldError{Field: "Cookie", Detail: twice}},
		{"bearer twice", request("", "", "Bearer s3cret", "Bearer other"), "", notifier.FieldError{Field: "Authorization", Detail: twice}},
		{"empty and another", request("token=", "", "Bearer s3cret"), "", notifier.FieldError{Field: "Authorization", Detail: "differs from token"}},

		{"a proxy's Basic beside a query", request("token=s3cret", "", "Basic dTpw"), "s3cret", notifier.FieldError{}},
		{"a longer word than Bearer", request("token=s3cret", "", "BearerX other"), "s3cret", notifier.FieldError{}},

		{"empty query", request("token=", ""), "", notifier.FieldError{Field: "token", Detail: empty}},
		{"query without value", request("token", ""), "", notifier.FieldError{Field: "token", Detail: empty}},
		{"empty cookie", request("", "notifier_token="), "", notifier.FieldError{Field: "Cookie", Detail: empty}},
		{"empty bearer", request("", "", "Bearer"), "", notifier.FieldError{Field: "Authorization", Detail: empty}},
		{"too long", request("stream="+long, ""), "", notifier.FieldError{Field: "stream", Detail: "must be at most 256 bytes"}},
		{"not UTF-8", request("token=%FF", ""), "", notifier.FieldError{Field: "token", Detail: "must be valid UTF-8"}},
		{"control character", request("tokenId=a%0Ab", ""), "", notifier.FieldError{Field: "tokenId", Detail: "must not contain control characters"}},

		{"malformed escape", request("token=s3cret%2", ""), "", notifier.FieldError{Field: "query", Detail: malformed}},
		{"malformed elsewhere", request("x=%zz&token=s3cret", ""), "", notifier.FieldError{Field: "query", Detail: malformed}},
		{"semicolon", request("token=s3cret;x=1", ""), "", notifier.FieldError{Field: "query", Detail: malformed}},
	}
	open := Open("notifier_token")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := open(tt.r)
			if tt.key == "" && got.Keys != nil || tt.key != "" && !slices.Equal(got.Keys, []string{tt.key}) {
				t.Errorf("identity %+v, want key %q", got, tt.key)
			}
			if tt.key != "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			bad, ok := errors.AsType[notifier.FieldErrors](err)
			if !ok || len(bad) != 1 || bad[0] != tt.bad {
				t.Errorf("error %#v, want %+v", err, tt.bad)
			}
		})
	}
}

func TestOpenWithout(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"nothing":        request("", ""),
		"other query":    request("tokens=1&Token=1&lastEventId=1", ""),
		"other cookie":   request("", "session=1"),
		"other scheme":   request("", "", "Basic dTpw"),
		"cookie of none": request("", "=1"),
	} {
		if _, err := Open("notifier_token")(r); err != notifier.ErrUnauthorized {
			t.Errorf("%s: %v, want %v", name, err, notifier.ErrUnauthorized)
		}
	}
	if _, err := Open("")(request("", "notifier_token=1; =2")); err != notifier.ErrUnauthorized {
		t.Errorf("no cookie name: %v, want %v", err, notifier.ErrUnauthorized)
	}
}

// FuzzOpen holds that an accepted key is a valid token that stands in the
// request, and that an error is one of a fixed set of texts, none of which can
// contain a token.
func FuzzOpen(f *testing.F) {
	f.Add("token=1", "", "")
	f.Add("token=1&tokenId=1&stream=2", "notifier_token=1", "Bearer 1")
	f.Add("token=%41;b", `notifier_token="q"; notifier_token=`, "bearer  x y ")
	f.Add("stream=%00&stream=%ff", "=", "Basic Bearer 1")
	texts := fixedTexts()
	open := Open("notifier_token")
	f.Fuzz(func(t *testing.T, query, cookie, authorization string) {
		id, err := open(request(query, cookie, authorization))
		if err != nil {
			if id.Keys != nil || !texts[err.Error()] {
				t.Fatalf("identity %+v with error %q", id, err)
			}
			return
		}
		if wrong := notifier.CheckToken(id.Keys[0]); wrong != "" {
			t.Fatalf("accepted %q, which %s", id.Keys[0], wrong)
		}
		if !stands(id.Keys[0], query, cookie, authorization) {
			t.Fatalf("accepted %q, which is not in the request", id.Keys[0])
		}
	})
}

func fixedTexts() map[string]bool {
	texts := map[string]bool{
		notifier.ErrUnauthorized.Error(): true,
		"query is malformed: % must be followed by two hexadecimal digits, and ; does not separate": true,
	}
	fields := []string{"token", "tokenId", "stream", "Cookie", "Authorization"}
	for _, f := range fields {
		for _, detail := range []string{
			"must not be empty", "must be at most 256 bytes", "must be valid UTF-8",
			"must not contain control characters", "is there twice, with different values",
		} {
			texts[f+" "+detail] = true
		}
		for _, other := range fields {
			texts[f+" differs from "+other] = true
		}
	}
	return texts
}

func stands(key, query, cookie, authorization string) bool {
	values, err := url.ParseQuery(query)
	if err != nil {
		return false
	}
	for _, name := range []string{"token", "tokenId", "stream"} {
		for _, v := range values[name] {
			if v == key {
				return true
			}
		}
	}
	return strings.Contains(cookie, key) || strings.Contains(authorization, key)
}
