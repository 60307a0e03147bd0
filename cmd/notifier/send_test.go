package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// answer is a server that answers every request the same, and stores the last one.
type answer struct {
	status int
	header http.Header
	body   string

	path, contentType, authorization, got string
}

func (a *answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.path, a.contentType, a.got = r.Method+" "+r.URL.String(), r.Header.Get("Content-Type"), string(body)
	a.authorization = r.Header.Get("Authorization")
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.WriteHeader(a.status)
	io.WriteString(w, a.body)
}

func TestSend(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cmd   sendCmd
		stdin string
		want  string
	}{
		{"little", sendCmd{Token: []string{"1"}}, "", `{"tokens":["1"]}`},
		{"everything", sendCmd{Token: []string{"1", "a,b"}, Type: "like", Event: "like", ID: "k", TTL: "90s", Data: `{"x":1.0, "h":"<&>"}`}, "",
			`{"tokens":["1","a,b"],"entityType":"like","event":"like","id":"k","ttl":"90s","data":{"x":1.0,"h":"<&>"}}`},
		{"with a key", sendCmd{Key: "nk_1", Token: []string{"1"}}, "", `{"tokens":["1"]}`},
		{"to all", sendCmd{All: true, Data: "null"}, "", `{"all":true,"data":null}`},
		{"standard input", sendCmd{Token: []string{"1"}, Data: "-"}, "[1,\n2]\n", `{"tokens":["1"],"data":[1,2]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := &answer{status: 200, body: `{"data":"OK!"}` + "\n"}
			srv := httptest.NewServer(a)
			defer srv.Close()
			tt.cmd.URL = server(srv.URL + "/ws/")
			var out bytes.Buffer
			if err := tt.cmd.Run(t.Context(), strings.NewReader(tt.stdin), &out); err != nil {
				t.Fatal(err)
			}
			if a.path != "POST /ws/api" || a.contentType != "application/json" || strings.TrimSpace(a.got) != tt.want {
				t.Errorf("%s %s\n%s\nwant %s", a.path, a.contentType, a.got, tt.want)
			}
			if want := strings.TrimSpace("Bearer " + tt.cmd.Key); a.authorization != want && (tt.cmd.Key != "" || a.authorization != "") {
				t.Errorf("Authorization: %s", a.authorization)
			}
			if out.String() != a.body {
				t.Errorf("printed %q", out.String())
			}
		})
	}
}

func TestSendRefused(t *testing.T) {
	problem := http.Header{"Content-Type": {"application/problem+json"}}
	for _, tt := range []struct {
		name string
		a    answer
		want string
	}{
		{"one field", answer{status: 400, header: problem, body: `{"detail":"ttl is wrong","errors":[{"field":"ttl","detail":"is wrong"}]}`},
			"the server answered 400 Bad Request: ttl is wrong"},
		{"many fields", answer{status: 400, header: problem, body: `{"detail":"2 mistakes","errors":[{"field":"ttl","detail":"is wrong"},{"detail":"is odd"}]}`},
			"the server answered 400 Bad Request: 2 mistakes\nttl is wrong\nis odd"},
		{"busy", answer{status: 503, header: http.Header{"Content-Type": {"application/problem+json"}, "Retry-After": {"2"}}, body: `{"detail":"not now"}`},
			"the server answered 503 Service Unavailable: not now\ntry again in 2 s"},
		{"a proxy", answer{status: 502, header: http.Header{"Content-Type": {"text/html"}}, body: `<html>`},
			"the server answered 502 Bad Gateway"},
		{"a problem that is none", answer{status: 500, header: problem, body: `<html>`},
			"the server answered 500 Internal Server Error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(&tt.a)
			defer srv.Close()
			var out bytes.Buffer
			cmd := sendCmd{URL: server(srv.URL), All: true}
			err := cmd.Run(t.Context(), strings.NewReader(""), &out)
			if err == nil || err.Error() != tt.want || out.Len() > 0 {
				t.Errorf("error %v\nwant %s\nprinted %q", err, tt.want, out.String())
			}
			if errors.As(err, new(usageError)) {
				t.Error("is not a usage error")
			}
		})
	}
}

func TestSendWhatIsNotJSON(t *testing.T) {
	for data, stdin := range map[string]string{"like": "", "{}{}": "", "-": "", "{'x':1}": ""} {
		cmd := sendCmd{URL: "http://127.0.0.1:1", All: true, Data: data}
		err := cmd.Run(t.Context(), strings.NewReader(stdin), io.Discard)
		if !errors.As(err, new(usageError)) || !strings.Contains(err.Error(), "is not JSON") {
			t.Errorf("%q: %v", data, err)
		}
	}
}
