package ingest

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"notifier"
)

// shop may address the tokens that begin with shop: or sale:.
var shop = &notifier.Publisher{Name: "shop", Rights: notifier.MayPublish, Prefixes: []string{"shop:", "sale:"}}

// deniedFields are the fields that an error says are not allowed, "" for none.
func deniedFields(err error) string {
	denied, _ := errors.AsType[notifier.Denied](err)
	return strings.TrimPrefix(fieldsOf(notifier.FieldErrors(denied)), "no field errors: ")
}

func TestReach(t *testing.T) {
	for _, c := range []struct {
		name, kind, body string
		who              *notifier.Publisher
		denied           string // fields, or
		bad              string // fields
	}{
		{"anyone", typeJSON, `{"tokens":["x","shop:1"]}`, anyone, "", ""},
		{"anyone to all", typeJSON, `{"all":true}`, anyone, "", ""},
		{"within", typeJSON, `{"tokens":["shop:1","sale:","shop:"]}`, shop, "", ""},
		{"not all", typeJSON, `{"tokens":["shop:1"],"all":false}`, shop, "", ""},
		{"one without", typeJSON, `{"tokens":["shop:1","shop:1","sale:2","shop"]}`, shop, "tokens[3]", ""},
		{"each without", typeJSON, `{"tokens":["a","shop:1","b","a"]}`, shop, "tokens[0] tokens[2] tokens[3]", ""},
		{"escaped", typeJSON, `{"tokens":["\u0073hop:1"]}`, shop, "", ""},
		{"other case", typeJSON, `{"tokens":["Shop:1"]}`, shop, "tokens[0]", ""},
		{"in the middle", typeJSON, `{"tokens":[" shop:1"]}`, shop, "tokens[0]", ""},
		{"in a form", typeForm, "tokens=shop:1&tokens=a&data=x", shop, "tokens[1]", ""},
		{"all", typeJSON, `{"all":true}`, shop, "all", ""},
		{"all in a form", typeForm, "all=true", shop, "all", ""},
		{"very many", typeJSON, `{"tokens":` + tokenList(5000) + `}`, shop, strings.TrimSpace(manyTokens(maxErrors)), ""},
		{"mistakes first", typeJSON, `{"tokens":["a","shop:1"],"ttl":-1}`, shop, "", "ttl"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, w := &fakeLog{}, httptest.NewRecorder()
			_, err := newIntake(l, Config{}).Publish(w, post("/api", c.kind, c.body), c.who)
			if c.bad != "" {
				if fieldsOf(err) != c.bad {
					t.Errorf("got %v, want mistakes in %s", err, c.bad)
				}
			} else if deniedFields(err) != c.denied || errors.Is(err, notifier.ErrForbidden) != (c.denied != "") {
				t.Errorf("got %v, want %q denied", err, c.denied)
			}
			if (err == nil) != (len(l.calls) == 1) || err != nil && w.Body.Len() > 0 {
				t.Errorf("%v, but published %v and answered %s", err, l.calls, w.Body)
			}
		})
	}
}

func manyTokens(n int) (fields string) {
	for i := range n {
		fields += fmt.Sprintf("tokens[%d] ", i)
	}
	return fields
}

// TestAllow: every publication that is right is asked about once, with its
// publisher and tokens, and one that is refused fails alone.
func TestAllow(t *testing.T) {
	refusal := &notifier.LimitError{Limit: "publish-rate", Detail: "too often", After: time.Second}
	var asked []string
	cfg := Config{Allow: func(who *notifier.Publisher, tokens []string) error {
		asked = append(asked, fmt.Sprint(who.Name, tokens))
		if slices.Contains(tokens, "shop:2") {
			return refusal
		}
		return nil
	}}

	l := &fakeLog{}
	in := newIntake(l, cfg)
	w := httptest.NewRecorder()
	if _, err := in.Publish(w, post("/api", typeJSON, `{"tokens":["shop:2"]}`), shop); err != error(refusal) || w.Body.Len() > 0 {
		t.Errorf("%v, answered %s", err, w.Body)
	}
	body := `{"tokens":["shop:1"]}` + "\n" + `{"tokens":["shop:2"]}` + "\n" + `{"tokens":["a"]}` + "\n" + `{"tokens":["shop:3"]}`
	if _, err := in.Batch(w, post("/api/batch", typeNDJSON, body), shop); err != nil {
		t.Fatal(err)
	}
	if want := []string{"shop[shop:2]", "shop[shop:1]", "shop[shop:2]", "shop[shop:3]"}; !slices.Equal(asked, want) {
		t.Errorf("asked about %q, want %q", asked, want)
	}
	lines := strings.Split(w.Body.String(), "\n")
	if len(lines) != 5 || !strings.Contains(lines[0], `"shop:1":`) || !strings.Contains(lines[1], "too often") ||
		!strings.Contains(lines[2], "tokens[0]") || !strings.Contains(lines[3], `"shop:3":`) {
		t.Errorf("answers %q", lines)
	}
	if len(l.calls) != 1 || len(l.calls[0]) != 2 {
		t.Errorf("published %v", l.calls)
	}
}
