package auth

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"notifier"
)

func tickets(t testing.TB, secret string, session time.Duration) *Tickets {
	t.Helper()
	made, err := NewTickets([]byte(secret), session)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func issue(t testing.TB, tickets *Tickets, token string, ttl time.Duration) string {
	t.Helper()
	ticket, _, err := tickets.Issue(token, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return ticket
}

// using is a request with a ticket; reconnecting says that it has seen an event.
func using(ticket string, reconnecting bool) *http.Request {
	r := request("ticket="+url.QueryEscape(ticket), "")
	if reconnecting {
		r.Header.Set("Last-Event-ID", "9f86d08188-42")
	}
	return r
}

// A ticket that is used in time is good for the whole session, one that is not for
// nothing.
func TestTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tk := tickets(t, "secret", time.Hour)
		enter := tk.Or(Open(""))
		time.Sleep(1500 * time.Millisecond) // not on a full second
		issued := time.Now()
		used, expires, err := tk.Issue("a é", 30*time.Second)
		if err != nil || expires.Before(issued.Add(30*time.Second)) || expires.After(issued.Add(31*time.Second)) {
			t.Fatalf("expires %v after %v, %v", expires, issued, err)
		}
		unused := issue(t, tk, "2", 30*time.Second)
		head := using(unused, false)
		head.Method = http.MethodHead
		if _, err := enter(head); err != nil {
			t.Errorf("HEAD: %v", err)
		}
		wantIn := func(when string) {
			t.Helper()
			who, err := enter(using(used, false))
			end := issued.Truncate(time.Second).Add(time.Hour)
			if err != nil || len(who.Keys) != 1 || who.Keys[0] != "a é" || !who.Expires.Equal(end) || who.Credential == "" {
				t.Errorf("%s: %+v, %v", when, who, err)
			}
		}
		wantOut := func(when, ticket string) {
			t.Helper()
			if who, err := enter(using(ticket, true)); !errors.Is(err, notifier.ErrUnauthorized) || who.Keys != nil {
				t.Errorf("%s: %+v, %v", when, who, err)
			}
		}
		time.Sleep(time.Until(expires) - 1)
		wantIn("at the last moment")
		time.Sleep(time.Nanosecond)
		wantIn("a reconnect after the ttl")
		wantOut("for the first time after the ttl", unused)
		time.Sleep(time.Until(issued.Truncate(time.Second).Add(time.Hour)) - 1)
		wantIn("at the end of the session")
		time.Sleep(time.Nanosecond)
		wantOut("after the session", used)
	})
}

// A session that is shorter than a ticket's ttl lasts as long as that.
func TestTicketShortSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tk := tickets(t, "secret", time.Second)
		ticket := issue(t, tk, "1", time.Minute)
		time.Sleep(time.Minute - 1)
		if who, err := tk.Or(Open(""))(using(ticket, false)); err != nil || time.Until(who.Expires) != 1 {
			t.Errorf("%+v, %v", who, err)
		}
	})
}

// After a restart a ticket that may have been in use lets reconnects in, and once it
// has, it is known to be in use.
func TestTicketAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := tickets(t, "secret", time.Hour)
		old := issue(t, before, "1", 30*time.Second)
		time.Sleep(time.Minute)
		enter := tickets(t, "secret", time.Hour)
		late := issue(t, enter, "1", 30*time.Second)
		for _, step := range []struct {
			name         string
			ticket       string
			reconnecting bool
			in           bool
		}{
			{"a first connection", old, false, false},
			{"a reconnect", old, true, true},
			{"a reconnect that has seen nothing since", old, false, true},
		} {
			if _, err := enter.Or(Open(""))(using(step.ticket, step.reconnecting)); (err == nil) != step.in {
				t.Errorf("%s: %v", step.name, err)
			}
		}
		time.Sleep(time.Minute)
		if _, err := enter.Or(Open(""))(using(late, true)); !errors.Is(err, notifier.ErrUnauthorized) {
			t.Errorf("a ticket of this process that was not used: %v", err)
		}
		time.Sleep(time.Hour)
		if _, err := tickets(t, "secret", time.Hour).Or(Open(""))(using(old, true)); !errors.Is(err, notifier.ErrUnauthorized) {
			t.Errorf("after the session, and another restart: %v", err)
		}
	})
}

// Neither is a ticket taken for another JWT, nor another JWT for a ticket, though the
// secret is the same.
func TestTicketIsNoOtherJWT(t *testing.T) {
	secret := []byte("one secret for all, which is a bad idea")
	tk := tickets(t, string(secret), time.Hour)
	ticket := issue(t, tk, "1", time.Minute)
	if parsed, err := jwt.ParseSigned(ticket, []jose.SignatureAlgorithm{jose.HS256}); err != nil || parsed.Claims(secret, new(jwt.Claims)) == nil {
		t.Errorf("the secret itself verifies a ticket: %v", err)
	}
	claims := jwt.Claims{Subject: "1", ID: "a", IssuedAt: jwt.NewNumericDate(time.Now()), Expiry: jwt.NewNumericDate(time.Now().Add(time.Minute))}
	sign := func(alg jose.SignatureAlgorithm, key any, typ jose.ContentType, c jwt.Claims) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, new(jose.SignerOptions).WithType(typ))
		if err != nil {
			t.Fatal(err)
		}
		text, err := jwt.Signed(signer).Claims(c).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	without := func(edit func(*jwt.Claims)) jwt.Claims {
		c := claims
		edit(&c)
		return c
	}
	if _, err := tk.Or(Open(""))(using(sign(jose.HS256, tk.key, ticketType, claims), false)); err != nil {
		t.Errorf("the test itself: %v", err)
	}
	parts := strings.Split(ticket, ".")
	for name, other := range map[string]string{
		"the secret":           sign(jose.HS256, secret, ticketType, claims),
		"another type":         sign(jose.HS256, tk.key, "JWT", claims),
		"another algorithm":    sign(jose.HS512, bytes.Repeat(tk.key, 2), ticketType, claims),
		"no issue":             sign(jose.HS256, tk.key, ticketType, without(func(c *jwt.Claims) { c.IssuedAt = nil })),
		"no end":               sign(jose.HS256, tk.key, ticketType, without(func(c *jwt.Claims) { c.Expiry = nil })),
		"no token":             sign(jose.HS256, tk.key, ticketType, without(func(c *jwt.Claims) { c.Subject = "" })),
		"a bad token":          sign(jose.HS256, tk.key, ticketType, without(func(c *jwt.Claims) { c.Subject = "a\n" })),
		"none":                 "eyJhbGciOiJub25lIiwidHlwIjoibm90aWZpZXItdGlja2V0K2p3dCJ9." + parts[1] + ".",
		"no signature":         parts[0] + "." + parts[1] + ".",
		"of another server":    issue(t, tickets(t, "other", time.Hour), "1", time.Minute),
		"two parts":            parts[0] + "." + parts[1],
		"JSON":                 `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"spaces":               " ",
		"longer than there is": ticket + strings.Repeat("x", maxTicket),
	} {
		if who, err := tk.Or(Open(""))(using(other, true)); !errors.Is(err, notifier.ErrUnauthorized) || who.Keys != nil {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

func TestTicketBeside(t *testing.T) {
	tk := tickets(t, "secret", time.Hour)
	ticket := issue(t, tk, "1", time.Minute)
	other := issue(t, tk, "1", time.Minute)
	for name, tt := range map[string]struct {
		r   *http.Request
		bad string
	}{
		"alone":            {request("ticket="+ticket, ""), ""},
		"twice":            {request("ticket="+ticket+"&ticket="+ticket, ""), ""},
		"its token":        {request("ticket="+ticket+"&token=1&stream=1", "", "Bearer 1"), ""},
		"a cookie":         {request("ticket="+ticket, "notifier_token=2"), ""},
		"a proxy's Basic":  {request("ticket="+ticket, "", "Basic dTpw"), ""},
		"none":             {request("token=2", ""), ""},
		"another":          {request("ticket="+ticket+"&ticket="+other, ""), "ticket is there twice, with different values"},
		"empty":            {request("ticket=", ""), "ticket must not be empty"},
		"empty with token": {request("ticket=&token=1", ""), "ticket must not be empty"},
		"another token":    {request("ticket="+ticket+"&token=2", ""), "token differs from what the ticket is for"},
		"another stream":   {request("token=1&ticket="+ticket+"&stream=2", ""), "stream differs from what the ticket is for"},
		"another bearer":   {request("ticket="+ticket, "", "Bearer 2"), "Authorization differs from what the ticket is for"},
		"malformed query":  {request("ticket="+ticket+"&x=%zz", ""), "query is malformed: % must be followed by two hexadecimal digits, and ; does not separate"},
	} {
		who, err := tk.Or(Open("notifier_token"))(tt.r)
		if tt.bad == "" {
			if err != nil || len(who.Keys) != 1 || (who.Credential == "") != (name == "none") {
				t.Errorf("%s: %+v, %v", name, who, err)
			}
		} else if err == nil || err.Error() != tt.bad || who.Keys != nil {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

// The longest token has a ticket that is taken.
func TestTicketLongest(t *testing.T) {
	tk := tickets(t, "secret", time.Hour)
	for _, token := range []string{strings.Repeat("<", notifier.MaxToken), strings.Repeat("\u2028", notifier.MaxToken/3), strings.Repeat(`"`, notifier.MaxToken)} {
		ticket := issue(t, tk, token, time.Minute)
		if who, err := tk.Or(Open(""))(using(ticket, false)); err != nil || who.Keys[0] != token {
			t.Errorf("%d bytes for %q: %v", len(ticket), token[:3], err)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ticket.key")
	key, err := KeyFile(path)
	if err != nil || len(key) != keyLen {
		t.Fatal(key, err)
	}
	if again, err := KeyFile(path); err != nil || !bytes.Equal(again, key) {
		t.Errorf("the second time: %v", err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(path + ".*"); left != nil {
		t.Errorf("left over: %v", left)
	}
	for _, bad := range []string{"", "zz", "00", strings.Repeat("00", keyLen+1)} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := KeyFile(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := KeyFile(filepath.Join(path, "below", "a", "file")); err == nil {
		t.Error("a key in no directory")
	}
}

// FuzzTicket holds that only what was issued is a ticket: whatever is made of one is
// still for the same token, or is refused, in words that do not repeat it.
func FuzzTicket(f *testing.F) {
	tk := tickets(f, "secret", time.Hour)
	ticket := issue(f, tk, "1", time.Hour)
	f.Add("ticket=" + ticket)
	f.Add("ticket=" + ticket + "&token=2")
	f.Add("ticket=" + strings.Replace(ticket, ".", "%2E", 1))
	f.Add("ticket=" + ticket[:len(ticket)-1])
	f.Add("ticket=" + ticket + "=")
	f.Add("ticket=eyJhbGciOiJub25lIn0.e30.")
	f.Add("ticket=..&ticket=%00")
	none := func(*http.Request) (notifier.Identity, error) { return notifier.Identity{}, notifier.ErrUnauthorized }
	f.Fuzz(func(t *testing.T, query string) {
		who, err := tk.Or(none)(request(query, ""))
		if err == nil {
			if fmt.Sprint(who.Keys) != "[1]" || who.Credential == "" {
				t.Fatalf("%q let in %+v", query, who)
			}
			return
		}
		_, bad := errors.AsType[notifier.FieldErrors](err)
		if who.Keys != nil || !bad && !errors.Is(err, notifier.ErrUnauthorized) || strings.Contains(err.Error(), "eyJ") {
			t.Fatalf("%+v, %v", who, err)
		}
	})
}
