package ingest

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"notifier"
)

// decodeJSON and decodeForm are what the handlers do with a body that they have.
func decodeJSON(body string) (notifier.Publication, error) {
	d := draft{who: anyone, maxTTL: maxTTL, ttl: defaultTTL}
	d.readJSON([]byte(body))
	return d.publication("")
}

func decodeForm(body string) (notifier.Publication, error) {
	d := draft{who: anyone, maxTTL: maxTTL, ttl: defaultTTL}
	d.readForm([]byte(body))
	return d.publication("")
}

type publication = notifier.Publication

// eventOf is the Data of a publication without an entityType.
func eventOf(data string) []byte { return []byte(`{"entityType":"","data":` + data + `}`) }

func TestGoodJSON(t *testing.T) {
	empty := eventOf("{}")
	a := []string{"a"}
	for _, c := range []struct {
		body string
		want publication
	}{
		{`{"tokens":["a"]}`, publication{Tokens: a, Data: empty, TTL: defaultTTL}},
		{" \r\n\t{ \"tokens\" : [ \"a\" ] } \r\n", publication{Tokens: a, Data: empty, TTL: defaultTTL}},
		{`{"tokens":["b","a","b","a","c"]}`, publication{Tokens: []string{"b", "a", "c"}, Data: empty, TTL: defaultTTL}},
		{`{"tokens":["\u0061","a"]}`, publication{Tokens: a, Data: empty, TTL: defaultTTL}},
		{`{"tok\u0065ns":["a"]}`, publication{Tokens: a, Data: empty, TTL: defaultTTL}},
		{`{"tokens":["é 😀","\ud83d\ude00"]}`, publication{Tokens: []string{"é 😀", "😀"}, Data: empty, TTL: defaultTTL}},
		{`{"tokens":["` + strings.Repeat("x", 256) + `"]}`, publication{Tokens: []string{strings.Repeat("x", 256)}, Data: empty, TTL: defaultTTL}},
		{`{"tokens":["a"],"all":false}`, publication{Tokens: a, Data: empty, TTL: defaultTTL}},
		{`{"all":true}`, publication{All: true, Data: empty, TTL: defaultTTL}},

		{`{"tokens":["a"],"entityType":"like"}`, publication{Tokens: a, Data: []byte(`{"entityType":"like","data":{}}`), TTL: defaultTTL}},
		{`{"tokens":["a"],"entityType":""}`, publication{Tokens: a, Data: empty, TTL: defaultTTL}},
		{`{"entityType":"\"\n\u00e9\\","tokens":["a"]}`, publication{Tokens: a, Data: []byte(`{"entityType":"\"\né\\","data":{}}`), TTL: defaultTTL}},
		{`{"tokens":["a"],"entityType":"` + strings.Repeat("x", 128) + `"}`, publication{Tokens: a, Data: []byte(`{"entityType":"` + strings.Repeat("x", 128) + `","data":{}}`), TTL: defaultTTL}},

		{`{"tokens":["a"],"data":null}`, publication{Tokens: a, Data: eventOf("null"), TTL: defaultTTL}},
		{`{"tokens":["a"],"data":false}`, publication{Tokens: a, Data: eventOf("false"), TTL: defaultTTL}},
		{`{"tokens":["a"],"data":""}`, publication{Tokens: a, Data: eventOf(`""`), TTL: defaultTTL}},
		{`{"tokens":["a"],"data":[]}`, publication{Tokens: a, Data: eventOf("[]"), TTL: defaultTTL}},
		{`{"tokens":["a"],"data":1.50e+1}`, publication{Tokens: a, Data: eventOf("1.50e+1"), TTL: defaultTTL}},
		{`{"tokens":["a"],"data":12345678901234567890123}`, publication{Tokens: a, Data: eventOf("12345678901234567890123"), TTL: defaultTTL}},
		{`{"tokens":["a"],"data": -0.0 }`, publication{Tokens: a, Data: eventOf("-0.0"), TTL: defaultTTL}},
		{"{\"tokens\":[\"a\"],\"data\":{ \"b\" : 1,\r\n\t\"a\":[ 1 , 2 ] } }", publication{Tokens: a, Data: eventOf(`{"b":1,"a":[1,2]}`), TTL: defaultTTL}},
		{`{"tokens":["a"],"data":{"a":1,"a":2}}`, publication{Tokens: a, Data: eventOf(`{"a":1,"a":2}`), TTL: defaultTTL}},
		{`{"tokens":["a"],"data":" a \" b "}`, publication{Tokens: a, Data: eventOf(`" a \" b "`), TTL: defaultTTL}},
		{`{"tokens":["a"],"data":"\u00e9\/\u2028<>&"}`, publication{Tokens: a, Data: eventOf(`"\u00e9\/\u2028<>&"`), TTL: defaultTTL}},
		{`{"tokens":["a"],"data":{"tokens":1,"unknown":{}}}`, publication{Tokens: a, Data: eventOf(`{"tokens":1,"unknown":{}}`), TTL: defaultTTL}},
		{`{"data":[1, 2],"entityType":"late","tokens":["a"]}`, publication{Tokens: a, Data: []byte(`{"entityType":"late","data":[1,2]}`), TTL: defaultTTL}},

		{`{"tokens":["a"],"event":"like"}`, publication{Tokens: a, Name: "like", Data: empty, TTL: defaultTTL}},
		{`{"tokens":["a"],"event":""}`, publication{Tokens: a, Data: empty, TTL: defaultTTL}},
		{`{"tokens":["a"],"event":"` + strings.Repeat("x", 128) + `"}`, publication{Tokens: a, Name: strings.Repeat("x", 128), Data: empty, TTL: defaultTTL}},
		{`{"tokens":["a"],"id":"order-77"}`, publication{Tokens: a, Key: "order-77", Data: empty, TTL: defaultTTL}},
		{`{"tokens":["a"],"id":"` + strings.Repeat("x", 128) + `"}`, publication{Tokens: a, Key: strings.Repeat("x", 128), Data: empty, TTL: defaultTTL}},

		{`{"tokens":["a"],"ttl":"90s"}`, publication{Tokens: a, Data: empty, TTL: 90 * time.Second}},
		{`{"tokens":["a"],"ttl":"24h"}`, publication{Tokens: a, Data: empty, TTL: 24 * time.Hour}},
		{`{"tokens":["a"],"ttl":"1h30m"}`, publication{Tokens: a, Data: empty, TTL: 90 * time.Minute}},
		{`{"tokens":["a"],"ttl":"0"}`, publication{Tokens: a, Data: empty}},
		{`{"tokens":["a"],"ttl":0}`, publication{Tokens: a, Data: empty}},
		{`{"tokens":["a"],"ttl":-0}`, publication{Tokens: a, Data: empty}},
		{`{"tokens":["a"],"ttl":1.5}`, publication{Tokens: a, Data: empty, TTL: 1500 * time.Millisecond}},
		{`{"tokens":["a"],"ttl":86400}`, publication{Tokens: a, Data: empty, TTL: maxTTL}},
		{`{"tokens":["a"],"ttl":8.64e4}`, publication{Tokens: a, Data: empty, TTL: maxTTL}},
		{`{"tokens":["a"],"ttl":1e-400}`, publication{Tokens: a, Data: empty}},
	} {
		got, err := decodeJSON(c.body)
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
		} else if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\ngot  %+v %s\nwant %+v %s", c.body, got, got.Data, c.want, c.want.Data)
		}
	}
}

func TestBadJSON(t *testing.T) {
	long := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	for _, c := range []struct{ body, fields string }{
		// The whole.
		{``, "."}, {" \n", "."}, {`null`, "."}, {`[]`, "."}, {`"a"`, "."}, {`1`, "."}, {`{`, "."}, {`}`, "."},
		{"\ufeff" + `{"all":true}`, "."}, {`{"all":true}{}`, "."}, {`{"all":true} x`, "."}, {`{"all":true},`, "."},
		{`{"all":true,}`, "."}, {`{all:true}`, "."}, {`{'all':true}`, "."}, {`{1:true}`, "."},
		{"{\"\xff\":1}", "."}, {`{"\ud800":1}`, "."}, {`{"all":true`, "."}, {"{\"all\":true}\x00", "."},

		// Where the JSON of a field ends.
		{`{"all":tru}`, "all"}, {`{"tokens":["a"`, "tokens"}, {`{"tokens":["a",]}`, "tokens"}, {`{"tokens":["a" "b"]}`, "tokens"},
		{"{\"tokens\":[\"\xff\"]}", "tokens"}, {`{"tokens":["\ud800"]}`, "tokens"}, {"{\"tokens\":[\"a\nb\"]}", "tokens"},
		{`{"tokens":["a"],"data":}`, "data"}, {`{"tokens":["a"],"data":01}`, "."}, {`{"all" true}`, "all"}, {`{"tokens":["a"],"data":NaN}`, "data"},
		{"{\"tokens\":[\"a\"],\"data\":\"\xc3\"}", "data"}, {`{"tokens":["a"],"data":"\udc00"}`, "data"},
		{`{"tokens":["a"],"data":[1 2]}`, "data"}, {`{"tokens":["a"],"data":{"a"}}`, "data"},
		{`{"tokens":["a"],"data":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "data"},
		{`{"tokens":["a"],"data":` + strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat("}", 20_000) + `}`, "data"},
		{`{"tokens":` + strings.Repeat("[", 20_000), "tokens"},

		// Tokens.
		{`{}`, "tokens"}, {`{"all":false}`, "tokens"}, {`{"data":1}`, "tokens"},
		{`{"tokens":[]}`, "tokens"}, {`{"tokens":null}`, "tokens"}, {`{"tokens":"a"}`, "tokens"}, {`{"tokens":{"a":1}}`, "tokens"}, {`{"tokens":1}`, "tokens"},
		{`{"tokens":[1]}`, "tokens[0]"}, {`{"tokens":["a",null]}`, "tokens[1]"}, {`{"tokens":["a",["b"],"c",{}]}`, "tokens[1] tokens[3]"},
		{`{"tokens":[""]}`, "tokens[0]"}, {`{"tokens":["a","a",""]}`, "tokens[2]"}, {`{"tokens":["\u0000"]}`, "tokens[0]"},
		{`{"tokens":["a\nb"]}`, "tokens[0]"}, {`{"tokens":["\u0085"]}`, "tokens[0]"}, {`{"tokens":[` + long(257) + `]}`, "tokens[0]"},
		{`{"all":true,"tokens":["a"]}`, "all"}, {`{"tokens":["a"],"all":true}`, "all"}, {`{"tokens":[],"all":true}`, "tokens all"},
		{`{"all":1}`, "all"}, {`{"all":"true"}`, "all"}, {`{"all":null}`, "all"}, {`{"tokens":["a"],"all":[true]}`, "all"},

		// The others.
		{`{"tokens":["a"],"entityType":1}`, "entityType"}, {`{"tokens":["a"],"entityType":null}`, "entityType"}, {`{"tokens":["a"],"entityType":` + long(129) + `}`, "entityType"},
		{`{"tokens":["a"],"event":1}`, "event"}, {`{"tokens":["a"],"event":["x"]}`, "event"}, {`{"tokens":["a"],"event":` + long(129) + `}`, "event"},
		{`{"tokens":["a"],"event":"a\nb"}`, "event"}, {`{"tokens":["a"],"event":"\u0000"}`, "event"}, {`{"tokens":["a"],"event":"notifier-gap"}`, "event"},
		{`{"tokens":["a"],"id":""}`, "id"}, {`{"tokens":["a"],"id":7}`, "id"}, {`{"tokens":["a"],"id":` + long(129) + `}`, "id"}, {`{"tokens":["a"],"id":"a\tb"}`, "id"},
		{`{"tokens":["a"],"ttl":-1}`, "ttl"}, {`{"tokens":["a"],"ttl":-1e-9}`, "ttl"}, {`{"tokens":["a"],"ttl":"-1s"}`, "ttl"},
		{`{"tokens":["a"],"ttl":86400.1}`, "ttl"}, {`{"tokens":["a"],"ttl":"24h1ns"}`, "ttl"}, {`{"tokens":["a"],"ttl":1e400}`, "ttl"}, {`{"tokens":["a"],"ttl":1e18}`, "ttl"},
		{`{"tokens":["a"],"ttl":""}`, "ttl"}, {`{"tokens":["a"],"ttl":"90"}`, "ttl"}, {`{"tokens":["a"],"ttl":"1d"}`, "ttl"}, {`{"tokens":["a"],"ttl":"inf"}`, "ttl"},
		{`{"tokens":["a"],"ttl":null}`, "ttl"}, {`{"tokens":["a"],"ttl":true}`, "ttl"}, {`{"tokens":["a"],"ttl":{}}`, "ttl"}, {`{"tokens":["a"],"ttl":"999999999h"}`, "ttl"},

		// Names.
		{`{"tokens":["a"],"x":1}`, "x"}, {`{"tokens":["a"],"Data":1}`, "Data"}, {`{"tokens":["a"],"":1}`, `""`}, {`{"tokens":["a"],"except":"b"}`, "except"},
		{`{"tokens":["a"],"x":{"y":[1]},"z":2}`, "x z"}, {`{"tokens":["a"],` + long(100) + `:1}`, strings.Repeat("x", 64)},
		{`{"tokens":["a"],"a\nb\u001b[1mé":1}`, "a?b?[1mé"}, {`{"tokens":["a"],"` + strings.Repeat("é", 40) + `":1}`, strings.Repeat("é", 32)}, {`{"tokens":["a"],"x` + strings.Repeat("é", 40) + `":1}`, "x" + strings.Repeat("é", 31) + "?"},
		{`{"tokens":["a"],"tokens":["b"]}`, "tokens"}, {`{"all":true,"all":true}`, "all"}, {`{"tokens":["a"],"data":1,"data":2}`, "data"}, {`{"tokens":["a"],"d\u0061ta":1,"data":2,"data":3}`, "data data"},

		// Everything at once, and what is wrong with one field hides nothing of another.
		{`{"tokens":["",1],"all":0,"entityType":1,"data":{},"event":2,"id":3,"ttl":true,"x":4}`, "tokens[0] tokens[1] all entityType event id ttl x"},
		{`{"x":1,"all":tru`, "x all"}, {`{"x":1}`, "x tokens"}, {`{"all":true,"tokens":[""]}`, "tokens[0] all"},
	} {
		pub, err := decodeJSON(c.body)
		if err == nil {
			t.Errorf("%.80s: accepted as %+v", c.body, pub)
		} else if got := fieldsOf(err); got != c.fields {
			t.Errorf("%.80s: names %q, want %q (%v)", c.body, got, c.fields, err)
		}
	}
}

func TestDetails(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{``, "must be a JSON object, but the body is empty"},
		{`{"all":true`, "must be valid JSON, but it ends too early"},
		{`{"all":yes}`, "all must be valid JSON, and not nested too deeply (byte 7)"},
		{`{"all":true,"data":"\ud800"}`, "data must be valid Unicode (byte 20)"},
		{`{"all":true}}`, "must have nothing after the JSON object"},
		{`{"all":true,"ttl":"25h"}`, `ttl must be a duration such as "90s" or a number of seconds, from 0 to 24h0m0s`},
	} {
		if _, err := decodeJSON(c.body); err == nil || err.Error() != c.want {
			t.Errorf("%s:\ngot  %v\nwant %s", c.body, err, c.want)
		}
	}
}

// TestSecret: what was sent as a value is in no error text.
func TestSecret(t *testing.T) {
	const secret = "s3cr3t"
	for _, body := range []string{
		`{"tokens":["s3cr3t\n"]}`, `{"tokens":["\us3cr3t"]}`, `{"tokens":["a"` + secret + `]}`, `{"tokens":"s3cr3t"}`,
		`{"all":true,"ttl":"s3cr3t"}`, `{"all":true,"id":"s3cr3t\n"}`, `{"all":true,"data":{"s3cr3t":s3cr3t}}`, `s3cr3t`,
	} {
		if _, err := decodeJSON(body); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{"tokens=s3cr3t%0A", "tokens=s3cr3t%", "all=s3cr3t", "all=true&data=s3cr3t%ff", "all=true&ttl=s3cr3t"} {
		if _, err := decodeForm(body); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestManyErrors(t *testing.T) {
	var body strings.Builder
	body.WriteString(`{"tokens":[`)
	for range 30 {
		body.WriteString(`"",`)
	}
	body.WriteString(`"a"],"x":1} and more`)
	unknown := "{" + strings.Repeat(`"x":1,`, maxErrors-1) + `"x":#`
	for _, body := range []string{body.String(), unknown} {
		_, err := decodeJSON(body)
		if got := len(strings.Fields(fieldsOf(err))); got != maxErrors {
			t.Errorf("%d errors: %v", got, err)
		}
	}
}

func TestTooManyTokens(t *testing.T) {
	list := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%d","%d"`, i, i) // duplicates do not count
		}
		return `{"tokens":[` + b.String()[1:] + `]}`
	}
	if pub, err := decodeJSON(list(notifier.MaxTokens)); err != nil || len(pub.Tokens) != notifier.MaxTokens {
		t.Error(len(pub.Tokens), err)
	}
	// Nothing is read after the token too much, not even what is no JSON.
	over := strings.TrimSuffix(list(notifier.MaxTokens+1), "]}") + strings.Repeat("#", 100)
	if _, err := decodeJSON(over); fieldsOf(err) != "tokens" || !strings.Contains(err.Error(), "at most 10000") {
		t.Error(err)
	}
}

// TestDataIsExact: a journal keeps Data for long, so it holds on to nothing else.
func TestDataIsExact(t *testing.T) {
	body := []byte(`{"tokens":["a"],"data":[ 1,                2 ]}`)
	d := draft{who: anyone}
	d.readJSON(body)
	pub, err := d.publication("")
	if err != nil || cap(pub.Data) > len(pub.Data)+16 {
		t.Fatal(err, len(pub.Data), cap(pub.Data))
	}
	clear(body)
	if string(pub.Data) != `{"entityType":"","data":[1,2]}` || pub.Tokens[0] != "a" {
		t.Errorf("%s %q: part of the body", pub.Data, pub.Tokens)
	}
}

// TestReaderForgets: a decoder that waits for the next body does not keep the last.
func TestReaderForgets(t *testing.T) {
	body := []byte(`{"all":true,"data":"` + strings.Repeat("x", 1<<10) + `"}`)
	kept := weak.Make(&body[0])
	new(draft).readJSON(body)
	runtime.GC() // the first one leaves pools alone
	if kept.Value() != nil {
		t.Error("the body is still in memory")
	}
}
