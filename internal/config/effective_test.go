package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	file := write(t, "# one line before\nretry: 7s\nkeep-for: 48h\nkeep-bytes: 2GiB\nallow-origin: [https://a.example, \"https://*.b.example\"]\njwt-key: '@pem'\ninsecure-open: true\n")
	c, err := load(t, []string{"NOTIFIER_COOKIE=", "NOTIFIER_RETRY=8s", "NOTIFIER_TICKET_KEY=hush==0123456789abcdef0123456789abcdef", "NOTIFIER_JWT_AUDIENCE=null"},
		"--config="+file, "--heartbeat=90s", "--api-key=a=hush,b=hush", "--introspect-secret=hush", "--auth=jwt", "--jwt-issuer=a: #b", "--log-level=warn")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := c.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Listeners\nlisten: 127.0.0.1:4001 # default\n",
		"\nretry: 8s # environment NOTIFIER_RETRY\n",
		"\nheartbeat: 1m30s # flag\n",
		"\nkeep-for: 48h # " + file + ":3\n",
		"\nkeep-bytes: 2GiB # " + file + ":4\n",
		"\nallow-origin: ['https://a.example', 'https://*.b.example'] # " + file + ":5\n",
		"\njwt-key: '@pem' # " + file + ":6\n",
		"\ncookie: \"\" # environment NOTIFIER_COOKIE\n",
		"\n# ticket-key: (hidden) # environment NOTIFIER_TICKET_KEY\n",
		"\n# api-key: [a=(hidden), b=(hidden)] # flag\n",
		"\n# introspect-secret: (hidden) # flag\n",
		"\nlog-level: warn # flag\n",
		"\ntrusted-proxy: [] # default\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("does not say %q", want)
		}
	}
	if strings.Contains(out.String(), "hush") {
		t.Error("gives a secret away")
	}
	if t.Failed() {
		t.Log(out.String())
	}

	// What is printed is a file, with everything in it but the secrets.
	again, err := load(t, nil, "--config="+write(t, out.String()))
	c.APIKey, c.IntrospectSecret, c.TicketKey = nil, "", ""
	c.File, c.read, again.File, again.read = "", nil, "", nil
	if err != nil || !reflect.DeepEqual(normal(again), normal(c)) {
		t.Errorf("loaded again: %+v, %v\nwant %+v", again, err, c)
	}
}

// normal has no list that is empty without being nil.
func normal(c Config) Config {
	for _, f := range c.flags() {
		if v := f.Target; f.IsSlice() && v.Len() == 0 {
			v.SetZero()
		}
	}
	return c
}
