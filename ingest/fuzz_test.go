package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"notifier"
)

// FuzzDecode holds what an accepted JSON body must be, by the words of another
// decoder: nothing that the format does not have, and what came in goes out.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"tokens":["1","2","1"],"entityType":"like","data":{"by": "arya", "n":1.50},"event":"like","id":"order-77","ttl":"24h","all":false}`,
		`{"all":true,"ttl":0.5,"data":[null,1e-7,"\u2028\n\ud83d\ude00",{"a":1,"a":2}]}`,
		`{"tokens":["\u0061"],"data":"\\\"  "}`, `{"tok\u0065ns":["a"],"x":1}`, `{"all":true,"all":false}`, `{}`, ` [`, "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		sent := bytes.Clone(body) // what is decoded may overwrite the body
		pub, err := decodeJSON(string(body))
		if err != nil {
			if fieldsOf(err) == "" {
				t.Fatal("an error that names nothing")
			}
			return
		}
		checkPublication(t, pub)

		// A list of known fields, so that unknown ones cannot get through.
		var in map[string]json.RawMessage
		if err := json.Unmarshal(sent, &in); err != nil {
			t.Fatal("accepted, but no JSON:", err)
		}
		for name := range in {
			switch name {
			case "tokens", "all", "entityType", "data", "event", "id", "ttl":
			default:
				t.Fatalf("accepted with %q", name)
			}
		}
		var tokens []string
		if json.Unmarshal(in["tokens"], &tokens); !reflect.DeepEqual(distinct(tokens), pub.Tokens) {
			t.Fatalf("tokens %q became %q", tokens, pub.Tokens)
		}
		data := in["data"]
		if data == nil {
			data = json.RawMessage("{}")
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, data); err != nil {
			t.Fatal(err)
		}
		if entityType, got := split(t, pub.Data); got != compact.String() {
			t.Fatalf("data %s became %s", compact.String(), got)
		} else if want := textOf(in["entityType"]); entityType != want {
			t.Fatalf("entityType %q became %q", want, entityType)
		}
		if pub.Name != textOf(in["event"]) || pub.Key != textOf(in["id"]) {
			t.Fatalf("%q %q from %s", pub.Name, pub.Key, sent)
		}
	})
}

// textOf is the text of a JSON string, "" for none.
func textOf(raw json.RawMessage) (s string) {
	json.Unmarshal(raw, &s)
	return s
}

func distinct(tokens []string) (out []string) {
	seen := map[string]bool{}
	for _, tok := range tokens {
		if !seen[tok] {
			seen[tok] = true
			out = append(out, tok)
		}
	}
	return out
}

// split is the entityType and the data as text of an event's data.
func split(t *testing.T, data []byte) (entityType, value string) {
	rest, ok := bytes.CutPrefix(data, []byte(`{"entityType":`))
	if !ok {
		t.Fatalf("not an event: %s", data)
	}
	dec := jsontext.NewDecoder(bytes.NewReader(rest))
	token, err := dec.ReadToken()
	if err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	entityType, rest = token.String(), rest[dec.InputOffset():]
	return entityType, strings.TrimSuffix(strings.TrimPrefix(string(rest), `,"data":`), "}")
}

// checkPublication holds what every journal and stream relies on.
func checkPublication(t *testing.T, pub notifier.Publication) {
	if pub.All == (len(pub.Tokens) > 0) || len(pub.Tokens) > notifier.MaxTokens {
		t.Fatalf("all %v, %d tokens", pub.All, len(pub.Tokens))
	}
	if len(distinct(pub.Tokens)) != len(pub.Tokens) {
		t.Fatalf("not distinct: %q", pub.Tokens)
	}
	for _, tok := range pub.Tokens {
		if wrong := notifier.CheckToken(tok); wrong != "" {
			t.Fatalf("token %q %s", tok, wrong)
		}
	}
	if wrong := notifier.CheckName(pub.Name); wrong != "" {
		t.Fatalf("event %q %s", pub.Name, wrong)
	}
	if wrong := checkKey(pub.Key); pub.Key != "" && wrong != "" {
		t.Fatalf("id %q %s", pub.Key, wrong)
	}
	if pub.TTL < 0 || pub.TTL > maxTTL {
		t.Fatal("ttl", pub.TTL)
	}
	if !json.Valid(pub.Data) || bytes.ContainsAny(pub.Data, "\r\n") {
		t.Fatalf("data is not one line of JSON: %q", pub.Data)
	}
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{
		"tokens=1&tokens[]=2&entityType=like&data=a+b%0d%0a&event=x&id=k&ttl=90", "all=true&data=%7B%7D", "all=false&tokens=%C3%A9&ttl=1h",
		"tokens=%zz", "&&=", "x", `{"tokens":["a"]}`, "tokens=a&data=\x00\xff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		pub, err := decodeForm(body)
		if err != nil {
			return
		}
		checkPublication(t, pub)
		q, err := url.ParseQuery(body)
		if err != nil {
			return // it is stricter about semicolons
		}
		tokens := distinct(append(q["tokens"], q["tokens[]"]...))
		slices.Sort(tokens)
		if got := slices.Sorted(slices.Values(pub.Tokens)); !slices.Equal(got, tokens) {
			t.Fatalf("tokens %q became %q", tokens, got)
		}
		entityType, data := split(t, pub.Data)
		if text, given := q["data"]; given && textOf([]byte(data)) != text[0] || !given && data != "{}" {
			t.Fatalf("data %q became %s", text, data)
		}
		if entityType != q.Get("entityType") || pub.Name != q.Get("event") || pub.Key != q.Get("id") {
			t.Fatalf("%q %q %q from %q", entityType, pub.Name, pub.Key, q)
		}
		for name := range q {
			if !slices.Contains(fields[:], name) && name != "tokens[]" {
				t.Fatalf("accepted with %q", name)
			}
		}
	})
}

// FuzzBatch: there is an answer for each line that is not blank, in its place: an
// answer like that of the line alone.
func FuzzBatch(f *testing.F) {
	for _, s := range []string{
		"{\"tokens\":[\"a\"]}\n\n{}\r\n{\"all\":true,\"data\":\"x\"}", "\n \t\n", "x\ny\n{\"all\":true}\n{\"all\":true}", "{\"all\":true,\n\"data\":1}", "\v\n{}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want []string
		good := uint64(0)
		for line := range strings.SplitSeq(string(body), "\n") {
			if strings.Trim(line, " \t\r") == "" {
				continue
			}
			if pub, err := decodeJSON(line); err == nil {
				good++
				want = append(want, fmt.Sprintf(`"id":"9f86d08188-%d","streams":%d,`, good, streamsOf(pub)))
			} else {
				want = append(want, fmt.Sprintf("{%q}", err.Error()))
			}
		}
		l, w := &fakeLog{}, httptest.NewRecorder()
		_, err := newIntake(l, Config{}).Batch(w, post("/api/batch", typeNDJSON, string(body)), anyone)
		if len(want) == 0 || len(want) > MaxLines {
			if err == nil {
				t.Fatal("accepted without lines, or with too many")
			}
			return
		}
		if err != nil || len(l.calls) > 1 || l.seq != good {
			t.Fatal(err, len(l.calls), l.seq, good)
		}
		got := strings.Split(strings.TrimSuffix(w.Body.String(), "\n"), "\n")
		if len(got) != len(want) {
			t.Fatalf("%d answers for %d lines", len(got), len(want))
		}
		for i := range got {
			if !strings.Contains(got[i], want[i]) {
				t.Fatalf("line %d: got %s, want %s", i, got[i], want[i])
			}
		}
	})
}

func streamsOf(pub notifier.Publication) (n int) {
	if pub.All {
		return 7
	}
	for _, c := range online(pub.Tokens) {
		n += c
	}
	return n
}

// FuzzCompact holds that a value is left as it is when compacting would not change it,
// and only then.
func FuzzCompact(f *testing.F) {
	for _, value := range []string{`{"a":[1,"b c",null]}`, `{"a": 1}`, `"\\"`, `["\\ ", "\" "]`, `"\" "`, ` 1`, "[\n]", `"\u0020\\\" \\"`} {
		f.Add([]byte(value))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		value := jsontext.Value(bytes.Clone(b))
		if value.Compact() != nil {
			return // not JSON
		}
		if isCompact(b) != bytes.Equal(value, b) {
			t.Errorf("%q: isCompact says %v, compacted it is %q", b, isCompact(b), value)
		}
	})
}
