package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"notifier"
)

// A backend answers introspection in memory, and counts.
type backend struct {
	mu     sync.Mutex
	answer func(*http.Request) (status int, body string)
	delay  time.Duration
	calls  int
	now    int // calls under way
	most   int
}

func (b *backend) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.calls++
	b.now++
	b.most = max(b.most, b.now)
	answer, delay := b.answer, b.delay
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.now--
		b.mu.Unlock()
	}()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	status, body := answer(r)
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{"Location": {"/elsewhere"}}}, nil
}

func (b *backend) set(status int, body string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = func(*http.Request) (int, string) { return status, body }
}

func (b *backend) called() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

const active = `{"active":true,"sub":"1"}`

// asking is an Introspector of a backend that says yes.
func asking(t testing.TB, edit ...func(*Introspection)) (*Introspector, *backend) {
	cfg := Introspection{
		URL: "http://backend/introspect", Cookie: "notifier_token", Timeout: 2 * time.Second, Cache: 10 * time.Second,
		Log: slog.New(slog.DiscardHandler),
	}
	for _, e := range edit {
		e(&cfg)
	}
	b := &backend{}
	b.set(http.StatusOK, active)
	in := newIntrospector(cfg, b)
	t.Cleanup(func() { in.Close() })
	return in, b
}

func TestIntrospectQuestion(t *testing.T) {
	visitor := request("token=s3cret", "a=b; session=c", "Bearer s3cret")
	visitor.Header.Set("User-Agent", "browser")
	visitor.Header.Set("X-Forwarded-For", "192.0.2.1")
	for _, tt := range []struct {
		name   string
		edit   func(*Introspection)
		method string
		body   string
		header http.Header
	}{
		{"POST", func(*Introspection) {}, "POST", "token=s3cret", http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}}},
		{"POST with a secret", func(c *Introspection) { c.Secret = "ours" }, "POST", "token=s3cret", http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}, "Authorization": {"Bearer ours"}}},
		{"GET", func(c *Introspection) { c.Forward = []string{"cookie", "Authorization"} }, "GET", "", http.Header{
			"Cookie": {"a=b; session=c"}, "Authorization": {"Bearer s3cret"}, "Accept": {"application/json"}}},
		{"GET with a secret", func(c *Introspection) { c.Forward, c.Secret = []string{"Cookie"}, "ours" }, "GET", "", http.Header{
			"Cookie": {"a=b; session=c"}, "Authorization": {"Bearer ours"}, "Accept": {"application/json"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, b := asking(t, tt.edit)
			b.answer = func(r *http.Request) (int, string) {
				body := ""
				if r.Body != nil {
					text, _ := io.ReadAll(r.Body)
					body = string(text)
				}
				if r.Method != tt.method || r.URL.String() != "http://backend/introspect" || body != tt.body {
					t.Errorf("%s %s with %q", r.Method, r.URL, body)
				}
				if fmt.Sprint(r.Header) != fmt.Sprint(tt.header) {
					t.Errorf("header %v, want %v", r.Header, tt.header)
				}
				return 200, active
			}
			if who, err := in.Authorize(visitor); err != nil || who.Keys[0] != "1" {
				t.Errorf("%v, %v", who, err)
			}
		})
	}
}

// What cannot be a credential is not asked about.
func TestIntrospectNothing(t *testing.T) {
	in, b := asking(t)
	forward, bf := asking(t, func(c *Introspection) { c.Forward = []string{"Cookie"} })
	for name, refused := range map[string]func() (notifier.Identity, error){
		"no credential":      func() (notifier.Identity, error) { return in.Authorize(request("", "")) },
		"an empty one":       func() (notifier.Identity, error) { return in.Authorize(request("token=", "")) },
		"nothing to forward": func() (notifier.Identity, error) { return forward.Authorize(request("token=1", "", "Bearer 1")) },
	} {
		if who, err := refused(); err != notifier.ErrUnauthorized || who.Keys != nil {
			t.Errorf("%s: %v, %v", name, who, err)
		}
	}
	if _, err := in.Authorize(request("token=1&token=2", "")); errors.As(err, new(notifier.FieldErrors)) == false {
		t.Errorf("two that differ: %v", err)
	}
	if b.called()+bf.called() > 0 {
		t.Error("the backend was asked")
	}
}

func TestIntrospectAnswers(t *testing.T) {
	long := strings.Repeat("x", notifier.MaxToken+1)
	soon := fmt.Sprint(time.Now().Add(time.Hour).Unix())
	many := `"k` + strings.Join(strings.Split("abcdefghijklmno", ""), `","k`) + `"` // 15
	for _, tt := range []struct {
		name   string
		status int
		body   string
		keys   []string
		err    error
	}{
		{"active", 200, active, []string{"1"}, nil},
		{"more of RFC 7662", 200, `{"active":true,"sub":"1","scope":"a b","aud":["x"],"iat":1,"username":"u","exp":` + soon + `}`, []string{"1"}, nil},
		{"several tokens", 200, `{"active":true,"sub":"1","tokens":["g","1","g","h"]}`, []string{"1", "g", "h"}, nil},
		{"as many as may be", 200, `{"active":true,"sub":"1","tokens":[` + many + `]}`, strings.Split("1 ka kb kc kd ke kf kg kh ki kj kk kl km kn ko", " "), nil},
		{"exp in parts of a second", 200, `{"active":true,"sub":"1","exp":` + soon + `.5}`, []string{"1"}, nil},
		{"exp beyond the end of time", 200, `{"active":true,"sub":"1","exp":1e300}`, []string{"1"}, nil},

		{"not active", 200, `{"active":false}`, nil, notifier.ErrUnauthorized},
		{"not active with a name", 200, `{"active":false,"sub":"1"}`, nil, notifier.ErrUnauthorized},
		{"nothing said", 200, `{"sub":"1"}`, nil, notifier.ErrUnauthorized},
		{"active in other case", 200, `{"Active":true,"sub":"1"}`, nil, notifier.ErrUnauthorized},
		{"expired", 200, `{"active":true,"sub":"1","exp":1}`, nil, notifier.ErrUnauthorized},
		{"expired before 1970", 200, `{"active":true,"sub":"1","exp":-1e300}`, nil, notifier.ErrUnauthorized},
		{"401", 401, active, nil, notifier.ErrUnauthorized},
		{"403", 403, active, nil, notifier.ErrUnauthorized},

		{"nobody", 200, `{"active":true}`, nil, notifier.ErrForbidden},
		{"a token that is too long", 200, `{"active":true,"sub":"` + long + `"}`, nil, notifier.ErrForbidden},
		{"a token with a line end", 200, `{"active":true,"sub":"1","tokens":["a\n"]}`, nil, notifier.ErrForbidden},
		{"too many tokens", 200, `{"active":true,"sub":"1","tokens":["one",` + many + `]}`, nil, notifier.ErrForbidden},
		{"an ID that is too long", 200, `{"active":true,"sub":"1","jti":"` + long + `"}`, nil, notifier.ErrForbidden},

		{"text", 200, `yes`, nil, notifier.ErrUnavailable},
		{"empty", 200, ``, nil, notifier.ErrUnavailable},
		{"an array", 200, `[true]`, nil, notifier.ErrUnavailable},
		{"half", 200, `{"active":true,"sub":"1"`, nil, notifier.ErrUnavailable},
		{"active twice", 200, `{"active":false,"active":true,"sub":"1"}`, nil, notifier.ErrUnavailable},
		{"active as text", 200, `{"active":"true","sub":"1"}`, nil, notifier.ErrUnavailable},
		{"a number for a name", 200, `{"active":true,"sub":1}`, nil, notifier.ErrUnavailable},
		{"too long", 200, active + strings.Repeat(" ", maxAnswer), nil, notifier.ErrUnavailable},
		{"no connection", 0, ``, nil, notifier.ErrUnavailable},
		{"204", 204, ``, nil, notifier.ErrUnavailable},
		{"redirect", 302, active, nil, notifier.ErrUnavailable},
		{"307", 307, active, nil, notifier.ErrUnavailable},
		{"404", 404, active, nil, notifier.ErrUnavailable},
		{"429", 429, active, nil, notifier.ErrUnavailable},
		{"500", 500, active, nil, notifier.ErrUnavailable},
		{"503", 503, active, nil, notifier.ErrUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, b := asking(t)
			b.set(tt.status, tt.body)
			who, err := in.Authorize(request("token=s3cret", ""))
			if !slices.Equal(who.Keys, tt.keys) || !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Errorf("%q, %v; want %q, %v", who.Keys, err, tt.keys, tt.err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows the credential: %v", err)
			}
			if b.called() != 1 {
				t.Errorf("%d calls", b.called())
			}
		})
	}
}

// An endpoint that refuses the server's own secret says nothing of the subscriber,
// who must not be sent away for good.
func TestIntrospectSecretRefused(t *testing.T) {
	in, b := asking(t, func(c *Introspection) { c.Secret = "outdated" })
	forward, bf := asking(t, func(c *Introspection) { c.Secret, c.Forward = "ours", []string{"Cookie"} })
	b.set(401, "")
	bf.set(401, "")
	for range 3 * failures {
		if _, err := in.Authorize(request("token=1", "")); !errors.Is(err, notifier.ErrUnavailable) {
			t.Fatalf("the POST: %v", err)
		}
	}
	if _, err := forward.Authorize(request("", "session=1")); err != notifier.ErrUnauthorized {
		t.Errorf("the GET: %v", err)
	}
}

func TestIntrospectCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, b := asking(t)
		want := func(query string, calls int, err error) {
			t.Helper()
			if _, got := in.Authorize(request(query, "")); !errors.Is(got, err) || (got == nil) != (err == nil) {
				t.Errorf("%s: %v, want %v", query, got, err)
			}
			if b.called() != calls {
				t.Errorf("%s: %d calls, want %d", query, b.called(), calls)
			}
		}
		want("token=a", 1, nil)
		time.Sleep(10*time.Second - 1)
		b.set(500, "")
		want("token=a", 1, nil) // the backend is down, and the answer is still good
		time.Sleep(time.Nanosecond)
		want("token=a", 2, notifier.ErrUnavailable) // no older answer is

		b.set(401, "")
		want("token=b", 3, notifier.ErrUnauthorized)
		b.set(200, active)
		time.Sleep(2*time.Second - 1)
		want("token=b", 3, notifier.ErrUnauthorized)
		time.Sleep(time.Nanosecond)
		want("token=b", 4, nil) // who has logged in does not wait for long

		b.set(200, fmt.Sprintf(`{"active":true,"sub":"1","exp":%d}`, time.Now().Add(3*time.Second).Unix()))
		want("token=c", 5, nil)
		time.Sleep(3*time.Second - 1)
		want("token=c", 5, nil)
		time.Sleep(time.Nanosecond)
		want("token=c", 6, notifier.ErrUnauthorized) // exp comes before the cache's end
	})
}

func TestIntrospectWithoutCache(t *testing.T) {
	in, b := asking(t, func(c *Introspection) { c.Cache = 0 })
	for range 3 {
		in.Authorize(request("token=a", ""))
	}
	if b.called() != 3 {
		t.Errorf("%d calls, want 3", b.called())
	}
}

// storm has many subscribers come at once and returns how many were let in, and how
// many were told to come back.
func storm(in *Introspector, count int, query func(int) string) (let, later int64) {
	var yes, wait atomic.Int64
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() {
			switch _, err := in.Authorize(request(query(i), "")); {
			case err == nil:
				yes.Add(1)
			case errors.Is(err, notifier.ErrUnavailable):
				wait.Add(1)
			}
		})
	}
	all.Wait()
	return yes.Load(), wait.Load()
}

func TestIntrospectStorm(t *testing.T) {
	same := func(int) string { return "token=a" }
	different := func(i int) string { return fmt.Sprint("token=", i) }
	for _, tt := range []struct {
		name       string
		query      func(int) string
		delay      time.Duration
		let, later int64
		calls      int
		took       time.Duration
	}{
		{"of one credential", same, time.Second, 5000, 0, 1, time.Second},
		{"of many", different, 50 * time.Millisecond, 5000, 0, 5000, 5000 / maxCalls * 50 * time.Millisecond},
		{"of more than there is time for", different, 1001 * time.Millisecond, 10 * maxCalls, 5000 - 10*maxCalls, 10 * maxCalls, maxWait},
		{"while the backend hangs", different, time.Hour, 0, 5000, maxCalls, 4 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in, b := asking(t)
				b.delay = tt.delay
				start := time.Now()
				let, later := storm(in, 5000, tt.query)
				if let != tt.let || later != tt.later {
					t.Errorf("%d were let in and %d told to come back, want %d and %d", let, later, tt.let, tt.later)
				}
				slack := 0
				if tt.let == 0 {
					slack = failures // the first ones to fail make room before the last does
				}
				if b.calls < tt.calls || b.calls > tt.calls+slack || b.most > maxCalls {
					t.Errorf("%d calls, %d at once; want %d and at most %d", b.calls, b.most, tt.calls, maxCalls)
				}
				if took := time.Since(start).Round(time.Second); took > tt.took+time.Second {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

// Whoever goes away leaves the answer to the others.
func TestIntrospectLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, b := asking(t)
		b.delay = time.Second
		ctx, leave := context.WithCancel(t.Context())
		left, stays := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := in.Authorize(request("token=a", "").WithContext(ctx))
			left <- err
		}()
		synctest.Wait()
		go func() {
			_, err := in.Authorize(request("token=a", ""))
			stays <- err
		}()
		synctest.Wait()
		start := time.Now()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) || time.Since(start) > 0 {
			t.Errorf("who left: %v after %v", err, time.Since(start))
		}
		if err := <-stays; err != nil || b.called() != 1 {
			t.Errorf("who stays: %v, %d calls", err, b.called())
		}
	})
}

// A backend that fails is left alone, and then tried by one call.
func TestIntrospectBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, b := asking(t)
		ask := func(i int) error {
			_, err := in.Authorize(request(fmt.Sprint("token=", i), ""))
			return err
		}
		b.set(503, "")
		for i := range 100 {
			if err := ask(i); !errors.Is(err, notifier.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		if b.called() != failures {
			t.Errorf("%d calls of a backend that fails, want %d", b.called(), failures)
		}
		time.Sleep(pause + time.Second)
		storm(in, 100, func(i int) string { return fmt.Sprint("token=again", i) })
		if b.called() != failures+1 {
			t.Errorf("%d calls after the pause, want one", b.called()-failures)
		}
		b.set(200, active)
		time.Sleep(pause + time.Second)
		for i := range 10 {
			if err := ask(i); err != nil {
				t.Errorf("the backend is back: %v", err)
			}
		}
		// Refusals are answers, and so are users that cannot be used.
		for _, body := range []string{`{"active":false}`, `{"active":true}`} {
			b.set(200, body)
			for i := range 2 * failures {
				if err := ask(1000 + i); errors.Is(err, notifier.ErrUnavailable) {
					t.Errorf("after %d times %s: %v", i, body, err)
				}
			}
			b.set(200, active)
			time.Sleep(time.Minute)
		}
	})
}

// Of a backend that fails now and then, those who are unlucky come back.
func TestIntrospectFlapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, b := asking(t)
		for i := range 50 {
			status := 200
			if i%3 > 0 {
				status = 502
			}
			b.set(status, active)
			_, err := in.Authorize(request(fmt.Sprint("token=", i), ""))
			if (status == 200) != (err == nil) || err != nil && !errors.Is(err, notifier.ErrUnavailable) {
				t.Errorf("%d: %v", status, err)
			}
		}
	})
}

func TestIntrospectClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, b := asking(t)
		b.delay = time.Hour
		start := time.Now()
		go func() {
			synctest.Wait()
			in.Close()
		}()
		if _, err := in.Authorize(request("token=a", "")); !errors.Is(err, notifier.ErrUnavailable) || time.Since(start) > 0 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestIntrospectErrorsHideURL holds that a secret in the URL is not in an error.
func TestIntrospectErrorsHideURL(t *testing.T) {
	in, b := asking(t, func(c *Introspection) { c.URL = "http://user:s3cret@backend/?key=s3cret" })
	b.set(0, "")
	if _, err := in.Authorize(request("token=1", "")); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%v", err)
	}
}

// Two requests share an answer only if they send the same.
func TestFingerprints(t *testing.T) {
	in, _ := asking(t, func(c *Introspection) { c.Forward = []string{"Cookie", "Authorization"} })
	seen := map[fingerprint]string{}
	for _, r := range []*http.Request{
		request("", "a"), request("", "b"), request("", "", "a"), request("", "", "a", "b"),
		request("", "", "ab"), request("", "a", "b"), request("", "Authorization", "a"),
	} {
		q, err := in.question(r)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[q.key]; ok {
			t.Errorf("%v and %s look the same", r.Header, other)
		}
		seen[q.key] = fmt.Sprint(r.Header)
	}
}

// FuzzIntrospect holds that whatever a backend answers is a usable identity or one
// of three errors, none of which repeats the answer.
func FuzzIntrospect(f *testing.F) {
	f.Add(200, active)
	f.Add(200, `{"active":true,"sub":"1","tokens":["2","1"],"exp":4102444800,"jti":"a"}`)
	f.Add(200, `{"active":true,"sub":"\u0000","exp":1e400}`)
	f.Add(401, `{`)
	f.Add(500, ``)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 {
			return
		}
		in, b := asking(t)
		b.set(status, body)
		who, err := in.Authorize(request("token="+url.QueryEscape("s3cret"), ""))
		if err != nil {
			known := errors.Is(err, notifier.ErrUnauthorized) || errors.Is(err, notifier.ErrForbidden) || errors.Is(err, notifier.ErrUnavailable)
			if !known || who.Keys != nil || strings.Contains(err.Error(), "s3cret") {
				t.Fatalf("%v, %v", who, err)
			}
			return
		}
		if status != 200 || len(who.Keys) == 0 || len(who.Keys) > notifier.MaxKeys {
			t.Fatalf("%d let in %q", status, who.Keys)
		}
		for i, key := range who.Keys {
			if notifier.CheckToken(key) != "" || slices.Contains(who.Keys[:i], key) {
				t.Fatalf("let in %q", who.Keys)
			}
		}
		if !who.Expires.IsZero() && !who.Expires.After(time.Now().Add(-time.Second)) {
			t.Fatalf("let in until %v", who.Expires)
		}
	})
}
