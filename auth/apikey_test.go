package auth

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"notifier"
)

// with has the headers given, name and value in turn.
func with(headers ...string) *http.Request {
	r := request("", "")
	for ; len(headers) > 0; headers = headers[2:] {
		r.Header.Add(headers[0], headers[1])
	}
	return r
}

func TestAPIKeys(t *testing.T) {
	key, hash := NewAPIKey()
	other, otherHash := NewAPIKey()
	stranger, _ := NewAPIKey()
	keys, err := LoadAPIKeys([]string{"shop=" + hash, "cron=" + otherHash}, "")
	if err != nil {
		t.Fatal(err)
	}
	flip := func(s string, i int) string { // another character of the alphabet
		c := byte('A')
		if s[i] == c {
			c = 'B'
		}
		return s[:i] + string(c) + s[i+1:]
	}
	// A password with everything that a key has but the checksum.
	password := apiPrefix + strings.Repeat("hunter22", 6)
	for _, c := range []struct {
		name string
		r    *http.Request
		who  string // "" if refused, with ErrUnauthorized unless a field is bad
		bad  string
	}{
		{"bearer", with("Authorization", "Bearer "+key), "shop", ""},
		{"bearer in other case", with("Authorization", "bearer  "+key), "shop", ""},
		{"header", with("X-API-Key", key), "shop", ""},
		{"the other's", with("X-Api-Key", other), "cron", ""},
		{"both", with("Authorization", "Bearer "+key, "X-API-Key", key), "shop", ""},
		{"a proxy's Basic beside it", with("Authorization", "Basic dTpw", "X-API-Key", key), "shop", ""},
		{"two", with("Authorization", "Bearer "+key, "X-API-Key", other), "", "X-API-Key"},
		{"one good, one empty", with("Authorization", "Bearer "+key, "X-API-Key", ""), "", "X-API-Key"},
		{"two of a kind", with("X-API-Key", key, "X-API-Key", other), "", "X-API-Key"},
		{"none", with(), "", ""},
		{"empty", with("X-API-Key", ""), "", ""},
		{"basic", with("Authorization", "Basic "+key), "", ""},
		{"cookie", request("", "notifier_token="+key+"; X-API-Key="+key), "", ""},
		{"query", request("token="+key+"&key="+key, ""), "", ""},
		{"stranger", with("X-API-Key", stranger), "", ""},
		{"the hash", with("X-API-Key", hash), "", ""},
		{"the hash as hex", with("X-API-Key", strings.TrimPrefix(hash, hashPrefix)), "", ""},
		{"one letter off", with("X-API-Key", flip(key, 10)), "", ""},
		{"the last letter off", with("X-API-Key", flip(key, len(key)-1)), "", ""},
		{"cut off", with("X-API-Key", key[:len(key)-1]), "", ""},
		{"longer", with("X-API-Key", key+"A"), "", ""},
		{"without prefix", with("X-API-Key", strings.TrimPrefix(key, apiPrefix)), "", ""},
		{"other case", with("X-API-Key", strings.ToUpper(key)), "", ""},
		{"password", with("X-API-Key", password), "", ""},
		{"not ASCII", with("X-API-Key", apiPrefix+strings.Repeat("é", 24)), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			who, err := keys.Publisher(c.r)
			if c.who != "" {
				if err != nil || who.Name != c.who || who.Rights != notifier.MayAll || !who.ReachesAll() {
					t.Errorf("%+v, %v, want %s", who, err, c.who)
				}
				return
			}
			bad, _ := errors.AsType[notifier.FieldErrors](err)
			if who != nil || c.bad == "" && err != notifier.ErrUnauthorized || c.bad != "" && (len(bad) != 1 || bad[0].Field != c.bad) {
				t.Errorf("%+v, %v", who, err)
			}
		})
	}
}

// TestPassword: the hash of what is no key can be configured, but nothing has it.
func TestPassword(t *testing.T) {
	const sha256OfHunter2 = "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7"
	keys, err := LoadAPIKeys([]string{"shop=" + hashPrefix + sha256OfHunter2}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Publisher(with("X-API-Key", "hunter2")); err != notifier.ErrUnauthorized {
		t.Error(err)
	}
}

func TestNewAPIKey(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		key, hash := NewAPIKey()
		if seen[key] || !isAPIKey(key) || len(key) != 51 || len(hash) != 71 || strings.Contains(hash, key) {
			t.Fatal(key, hash)
		}
		seen[key] = true
	}
}

// keyFile makes a file of keys and returns its name.
func keyFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "keys.yaml")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAPIKeyFile(t *testing.T) {
	one, oneHash := NewAPIKey()
	two, twoHash := NewAPIKey()
	three, threeHash := NewAPIKey()
	keys, err := LoadAPIKeys([]string{"backend=" + threeHash}, keyFile(t, `
# who may publish
- name: shop
  hash: &h `+oneHash+`
  rights: [publish, tickets]
  prefixes: ["shop:", "sale:"]
  rate: 50
- {name: console-2.a_b, hash: `+twoHash+`, rights: [control]}
`))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]*notifier.Publisher{
		one:   {Name: "shop", Rights: notifier.MayPublish | notifier.MayTicket, Prefixes: []string{"shop:", "sale:"}, Rate: 50},
		two:   {Name: "console-2.a_b", Rights: notifier.MayControl},
		three: {Name: "backend", Rights: notifier.MayAll},
	} {
		if who, err := keys.Publisher(with("X-API-Key", key)); err != nil || !reflect.DeepEqual(who, want) {
			t.Errorf("%+v, %v, want %+v", who, err, want)
		}
	}
	for _, empty := range []string{"", "# nobody\n", "[]"} {
		if keys, err := LoadAPIKeys(nil, keyFile(t, empty)); err != nil || len(keys) != 0 {
			t.Errorf("%q: %v, %v", empty, keys, err)
		}
	}
}

func TestAPIKeyMistakes(t *testing.T) {
	key, hash := NewAPIKey()
	const (
		badHash     = "must be sha256: and 64 hexadecimal digits, as notifier key new prints it"
		badName     = "must be 1 to 64 letters, digits, '.', '_' and '-', and begin with a letter or digit"
		badRights   = "must be a list of some of publish, control and tickets"
		badPrefixes = "must be a list of beginnings of tokens; leave it out to allow every token"
		badRate     = "must be a number of publications a second, from 1"
		itself      = "is the key itself; configure its hash, and give the key to the publisher only"
	)
	ok := "- name: a\n  hash: " + hash + "\n  rights: [publish]\n"
	for _, c := range []struct {
		name  string
		lines []string
		file  string
		want  []string
	}{
		{"no name", []string{hash}, "", []string{"api-key 1: must be NAME=HASH"}},
		{"bad name", []string{"=" + hash, "a b=" + hash}, "", []string{"api-key 1: name: " + badName, "api-key 2: name: " + badName}},
		{"long name", []string{strings.Repeat("a", 65) + "=" + hash}, "", []string{"api-key 1: name: " + badName}},
		{"bad hash", []string{"a=sha256:1", "b=" + strings.TrimPrefix(hash, hashPrefix), "c=" + hash + "00"}, "",
			[]string{"api-key 1: hash: " + badHash, "api-key 2: hash: " + badHash, "api-key 3: hash: " + badHash}},
		{"the key itself", []string{"a=" + key}, "", []string{"api-key 1: hash: " + itself}},
		{"the same name", []string{"a=" + hash, "a=" + hash}, "", []string{"api-key 2: name: a is already the name of api-key 1"}},
		{"the same hash", []string{"a=" + hash, "b=" + hash}, "", []string{"api-key 2: hash: is already that of a"}},
		{"the same in both", []string{"a=" + hash}, ok, []string{"keys.yaml:1: name: a is already the name of api-key 1"}},

		{"unknown field", nil, ok + "  right: [publish]\n  <<: {}\n", []string{"keys.yaml:4: right: is no field of a key", "keys.yaml:5: <<: is no field"}},
		{"field twice", nil, ok + "  name: b\n", []string{"keys.yaml:4: name: must not be given more than once"}},
		{"nothing given", nil, "- prefixes: [a]\n- {}\n", []string{"keys.yaml:1: name: must be given", "keys.yaml:1: hash: must be given", "keys.yaml:1: rights: must be given", "keys.yaml:2: name: must be given"}},
		{"bad values", nil, "- name: [a]\n  hash: " + key + "\n  rights: publish\n  prefixes: a\n  rate: 0\n",
			[]string{"keys.yaml:1: name: " + badName, "keys.yaml:2: hash: " + itself, "keys.yaml:3: rights: " + badRights, "keys.yaml:4: prefixes: " + badPrefixes, "keys.yaml:5: rate: " + badRate}},
		{"other bad values", nil, "- name: 'a\n\n    b'\n  hash: {}\n  rights: [publish, delete]\n  prefixes: []\n  rate: 1.5\n",
			[]string{"keys.yaml:1: name: " + badName, "keys.yaml:4: hash: " + badHash, "keys.yaml:5: rights: " + badRights, "keys.yaml:6: prefixes: " + badPrefixes, "keys.yaml:7: rate: " + badRate}},
		{"empty rights", nil, ok + "- name: b\n  hash: &h [a]\n  rights: []\n  prefixes: ['']\n  rate: *h\n", []string{"keys.yaml:5: hash: " + badHash, "keys.yaml:6: rights: " + badRights, "keys.yaml:7: prefixes: " + badPrefixes, "keys.yaml:8: rate: " + badRate}},
		{"a mapping", nil, "name: a", []string{"keys.yaml: must be one list of keys"}},
		{"a list of texts", nil, ok + "- " + hash, []string{"keys.yaml:4: must be a key with name, hash and rights"}},
		{"two documents", nil, ok + "---\n" + ok, []string{"keys.yaml: must be one list of keys"}},
		{"not YAML", nil, "- 'a", []string{"keys.yaml: yaml: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := ""
			if c.file != "" {
				file = keyFile(t, c.file)
			}
			keys, err := LoadAPIKeys(c.lines, file)
			if keys != nil || err == nil {
				t.Fatalf("%v, %v", keys, err)
			}
			lines := strings.Split(err.Error(), "\n")
			if c.name != "nothing given" && len(lines) != len(c.want) {
				t.Errorf("%d mistakes, want %d: %v", len(lines), len(c.want), err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nwant it to say %s", err, want)
				}
			}
			if strings.Contains(err.Error(), key) || strings.Contains(err.Error(), hash) {
				t.Errorf("it repeats a hash or a key: %v", err)
			}
		})
	}
	if _, err := LoadAPIKeys(nil, "missing.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// FuzzAPIKeyFile holds that a file is either refused or gives publishers that are
// fit to be asked.
func FuzzAPIKeyFile(f *testing.F) {
	hash := hashPrefix + strings.Repeat("0f", apiRandom)
	f.Add("- name: a\n  hash: " + hash + "\n  rights: [publish]\n  prefixes: [a]\n  rate: 1\n")
	f.Add("- &a {name: a}\n- *a\n- <<: *a\n")
	f.Add("- name: [\n--- {}\n")
	f.Add("- name: a\n  hash; " + hash + ":\n")
	f.Fuzz(func(t *testing.T, content string) {
		l := &keyLoader{keys: APIKeys{}, names: map[string]string{}}
		l.file("keys.yaml", []byte(content))
		for _, who := range l.keys {
			if CheckName(who.Name) != nil || who.Rights == 0 || who.Rights&^notifier.MayAll != 0 || who.Rate < 0 || who.Reaches("") != who.ReachesAll() {
				t.Errorf("%+v", who)
			}
		}
		if strings.Contains(fmt.Sprint(l.mistakes), hash) {
			t.Error(l.mistakes)
		}
	})
}
