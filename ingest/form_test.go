package ingest

import (
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestGoodForm(t *testing.T) {
	empty := eventOf("{}")
	a, ab := []string{"a"}, []string{"a", "b"}
	for _, c := range []struct {
		body string
		want publication
	}{
		{"tokens=a", publication{Tokens: a, Data: empty, TTL: defaultTTL}},
		{"tokens=a&tokens=b&tokens=a", publication{Tokens: ab, Data: empty, TTL: defaultTTL}},
		{"tokens%5B%5D=a&tokens[]=b", publication{Tokens: ab, Data: empty, TTL: defaultTTL}},
		{"tokens[]=a&tokens=b", publication{Tokens: ab, Data: empty, TTL: defaultTTL}},
		{"&&tokens=a&", publication{Tokens: a, Data: empty, TTL: defaultTTL}},
		{"tokens=a+%2B%c3%a9;b", publication{Tokens: []string{"a +é;b"}, Data: empty, TTL: defaultTTL}},
		{"tokens=a%3Db=c", publication{Tokens: []string{"a=b=c"}, Data: empty, TTL: defaultTTL}},
		{"tokens=a&data=hello", publication{Tokens: a, Data: eventOf(`"hello"`), TTL: defaultTTL}},
		{"tokens=a&data=", publication{Tokens: a, Data: eventOf(`""`), TTL: defaultTTL}},
		{"tokens=a&data=%7B%22a%22%3A+1%7D", publication{Tokens: a, Data: eventOf(`"{\"a\": 1}"`), TTL: defaultTTL}},
		{"tokens=a&data=12", publication{Tokens: a, Data: eventOf(`"12"`), TTL: defaultTTL}},
		{"tokens=a&data=a%0D%0Ab%00", publication{Tokens: a, Data: eventOf(`"a\r\nb\u0000"`), TTL: defaultTTL}},
		{"tokens=a&entityType=like&event=x&id=k", publication{Tokens: a, Name: "x", Key: "k", Data: []byte(`{"entityType":"like","data":{}}`), TTL: defaultTTL}},
		{"tokens=a&ttl=90s", publication{Tokens: a, Data: empty, TTL: 90 * time.Second}},
		{"tokens=a&ttl=1.5", publication{Tokens: a, Data: empty, TTL: 1500 * time.Millisecond}},
		{"tokens=a&ttl=0", publication{Tokens: a, Data: empty}},
		{"all=true&data=x", publication{All: true, Data: eventOf(`"x"`), TTL: defaultTTL}},
		{"all=false&tokens=a", publication{Tokens: a, Data: empty, TTL: defaultTTL}},
	} {
		got, err := decodeForm(c.body)
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
		} else if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\ngot  %+v %s\nwant %+v %s", c.body, got, got.Data, c.want, c.want.Data)
		}
	}
}

func TestBadForm(t *testing.T) {
	for _, c := range []struct{ body, fields string }{
		{"", "."}, {`{"tokens":["a"]}`, "."}, {"\n {}", "."},
		{"&", "tokens"}, {"data=1", "tokens"}, {"all=false", "tokens"},
		{"tokens", "tokens[0]"}, {"tokens=", "tokens[0]"}, {"tokens=a&tokens=&tokens[]=%00", "tokens[1] tokens[2]"}, {"tokens=%ff", "tokens[0]"},
		{"tokens=%", "tokens"}, {"tokens=a&tokens=%zz", "tokens"}, {"tokens=a&%zz=1", "%zz"},
		{"tokens=a&all=true", "all"}, {"all=1", "all"}, {"all=", "all"}, {"tokens=a&all=True", "all"},
		{"tokens=a&x=1", "x"}, {"tokens=a&Data=1", "Data"}, {"tokens=a&%0a%ff=1", "??"}, {"tokens=a&=1", `""`}, {"tokens=a&data[x]=1", "data[x]"},
		{"tokens=a&data=1&data=2", "data"}, {"tokens=a&id=1&id=1", "id"}, {"all=true&all=true", "all"}, {"tokens=a&ttl=1&event=x&ttl=1&event=y", "ttl event"},
		{"tokens=a&data=%ff", "data"}, {"tokens=a&entityType=%ff", "entityType"}, {"tokens=a&event=%ff", "event"}, {"tokens=a&id=%ff", "id"},
		{"tokens=a&event=a%0Ab", "event"}, {"tokens=a&event=notifier-x", "event"}, {"tokens=a&id=", "id"},
		{"tokens=a&entityType=" + strings.Repeat("x", 129), "entityType"},
		{"tokens=a&ttl=-1", "ttl"}, {"tokens=a&ttl=", "ttl"}, {"tokens=a&ttl=+1", "ttl"}, {"tokens=a&ttl=inf", "ttl"}, {"tokens=a&ttl=0x10", "ttl"}, {"tokens=a&ttl=25h", "ttl"}, {"tokens=a&ttl=1e9", "ttl"},
	} {
		pub, err := decodeForm(c.body)
		if err == nil {
			t.Errorf("%s: accepted as %+v", c.body, pub)
		} else if got := fieldsOf(err); got != c.fields {
			t.Errorf("%s: names %q, want %q (%v)", c.body, got, c.fields, err)
		}
	}
	if _, err := decodeForm(strings.Repeat("x&", 100)); len(strings.Fields(fieldsOf(err))) != maxErrors {
		t.Error(err)
	}
	if _, err := decodeForm(`{"tokens":["a"]}`); !strings.Contains(err.Error(), "Content-Type: application/json") {
		t.Error(err)
	}
}

func TestPublishForm(t *testing.T) {
	w := httptest.NewRecorder()
	if _, err := newIntake(&fakeLog{}, Config{}).Publish(w, post("/api", typeForm, "tokens=1&tokens=22&data=x"), anyone); err != nil {
		t.Fatal(err)
	}
	const want = `{"responseCode":0,"data":"OK!","id":"9f86d08188-1","streams":3,"duplicate":false,"results":{"1":1,"22":2}}` + "\n"
	if got := w.Body.String(); got != want {
		t.Errorf("got %q", got)
	}
}
