package node_test

import (
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"notifier/internal/config"
	"notifier/internal/nodetest"
)

// TestDescribeAndCloseOneStream goes from a token to its streams and ends one of them.
func TestDescribeAndCloseOneStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := nodetest.StartPipe(t)
		old := n.Open(t, "token=1&control=1")
		old.Next() // ready
		time.Sleep(5 * time.Second)
		young := n.Open(t, "token=1")
		_, published := n.Post(t, "/api", `{"tokens":["1"]}`)
		old.Next()
		young.Next()

		_, answer := n.Do(t, "GET", "/api/streams?token=1&details=1", "")
		details, _ := answer["details"].([]any)
		if answer["streams"] != 2.0 || len(details) != 2 {
			t.Fatalf("%v", answer)
		}
		oldest, youngest := details[0].(map[string]any), details[1].(map[string]any)
		if oldest["age"] != 5.0 || youngest["age"] != 0.0 {
			t.Errorf("ages %v and %v", oldest["age"], youngest["age"])
		}
		for _, d := range []map[string]any{oldest, youngest} {
			if d["state"] != "live" || d["events"] != 1.0 || d["waiting"] != 0.0 || d["position"] != published["id"] || d["bytes"].(float64) < 30 || d["address"] == "" {
				t.Errorf("%v, position must be %v", d, published["id"])
			}
		}
		if _, answer := n.Do(t, "GET", "/api/streams?token=1&details=1&limit=1", ""); answer["streams"] != 2.0 || len(answer["details"].([]any)) != 1 {
			t.Errorf("the oldest: %v", answer)
		}

		one := "/api/streams?stream=" + url.QueryEscape(oldest["id"].(string))
		for _, step := range []struct {
			target string
			closed float64
		}{{one + "&token=2", 0}, {one + "&token=1", 1}, {one + "&token=1", 0}} {
			if status, answer := n.Do(t, "DELETE", step.target, ""); status != 200 || answer["closed"] != step.closed {
				t.Errorf("%s: %d %v, want %v", step.target, status, answer, step.closed)
			}
		}
		if ev, err := old.Next(); err != nil || ev.Data != `{"reason":"revoked"}` {
			t.Errorf("%v %v", ev, err)
		}
		if _, answer := n.Do(t, "GET", "/api/streams?token=1", ""); answer["streams"] != 1.0 || answer["details"] != nil {
			t.Errorf("after closing one: %v", answer)
		}
	})
}

// TestOnlinePrefix holds what is found by the beginning of tokens, and by whom.
func TestOnlinePrefix(t *testing.T) {
	file, keys := keyFile(t, "name: all, rights: [control]", "name: shop, rights: [control], prefixes: ['shop:', 'bar:']")
	n := nodetest.Start(t, func(c *config.Config) { c.APIKeys, c.InsecureOpen = file, true })
	for _, token := range []string{"shop:1", "shop:1", "shop:2", "bar:1", "shopper"} {
		n.Open(t, "token="+token)
	}
	const one, two = `{"token":"shop:1","streams":2}`, `{"token":"shop:2","streams":1}`
	const shop = `{"streams":3,"tokens":2,"online":[` + one + `,` + two + `]}`
	for _, c := range []struct {
		key    int
		query  string
		status int
		want   string
	}{
		{0, "prefix=shop:", 200, shop},
		{0, "prefix=shop:&limit=1", 200, `{"streams":3,"tokens":2,"online":[` + one + `]}`},
		{0, "prefix=shop:&after=shop:1", 200, `{"streams":3,"tokens":2,"online":[` + two + `]}`},
		{0, "prefix=SHOP", 200, `{"streams":0,"tokens":0,"online":[]}`},
		{1, "prefix=shop:", 200, shop},
		{1, "prefix=shop:2", 200, `{"streams":1,"tokens":1,"online":[` + two + `]}`},
		{1, "prefix=shop", 403, ""},
		{1, "prefix=", 403, ""},
		{1, "", 403, ""},
	} {
		status, text := ask(t, n, "GET", "/api/streams?"+c.query, keys[c.key], "")
		if status != c.status || c.want != "" && text != c.want+"\n" {
			t.Errorf("%q with key %d: %d %s, want %d %s", c.query, c.key, status, text, c.status, c.want)
		}
	}
}
