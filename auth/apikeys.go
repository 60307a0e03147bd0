package auth

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"notifier"
)

// LoadAPIKeys reads the keys that are configured: lines, each NAME=HASH of a
// publisher that may do everything, and a YAML file of the others, "" for none. The
// error is every mistake in them, each with its place. It repeats no hash: it could
// be a key, written there by mistake.
func LoadAPIKeys(lines []string, file string) (APIKeys, error) {
	l := &keyLoader{keys: APIKeys{}, names: map[string]string{}}
	for i, line := range lines {
		l.line(fmt.Sprintf("api-key %d", i+1), line)
	}
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		l.file(file, data)
	}
	if len(l.mistakes) > 0 {
		return nil, errors.Join(l.mistakes...)
	}
	return l.keys, nil
}

// A keyLoader gathers keys, and what is wrong with them.
type keyLoader struct {
	keys     APIKeys
	names    map[string]string // where each was first
	mistakes []error
}

func (l *keyLoader) bad(place, format string, args ...any) {
	l.mistakes = append(l.mistakes, fmt.Errorf(place+": "+format, args...))
}

// add takes a publisher, unless its name or its hash is there already.
func (l *keyLoader) add(place string, hash apiHash, who *notifier.Publisher) {
	if first, taken := l.names[who.Name]; taken {
		l.bad(place, "name: %s is already the name of %s", who.Name, first)
		return
	}
	l.names[who.Name] = place
	if other := l.keys[hash]; other != nil {
		l.bad(place, "hash: is already that of %s", other.Name)
		return
	}
	l.keys[hash] = who
}

// line takes NAME=HASH.
func (l *keyLoader) line(place, line string) {
	name, text, ok := strings.Cut(line, "=")
	if !ok {
		l.bad(place, "must be NAME=HASH, as notifier key new prints it")
		return
	}
	hash, err := parseHash(text)
	switch wrong := CheckName(name); {
	case wrong != nil:
		l.bad(place, "name: %w", wrong)
	case err != nil:
		l.bad(place, "hash: %w", err)
	default:
		l.add(place, hash, &notifier.Publisher{Name: name, Rights: notifier.MayAll})
	}
}

// file takes a list of publishers.
func (l *keyLoader) file(name string, data []byte) {
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&doc); err == io.EOF {
		return // nothing in it: nobody
	} else if err != nil {
		l.bad(name, "%w", err)
		return
	}
	list := doc.Content[0]
	if list.Kind != yaml.SequenceNode || d.Decode(new(yaml.Node)) != io.EOF {
		l.bad(name, "must be one list of keys, each with name, hash and rights")
		return
	}
	for _, item := range list.Content {
		l.item(name, item)
	}
}

// item takes one publisher of a file.
func (l *keyLoader) item(file string, item *yaml.Node) {
	place := func(n *yaml.Node) string { return fmt.Sprintf("%s:%d", file, n.Line) }
	if item.Kind != yaml.MappingNode {
		l.bad(place(item), "must be a key with name, hash and rights")
		return
	}
	before := len(l.mistakes)
	var e entry
	given := map[string]bool{}
	for c := item.Content; len(c) > 1; c = c[2:] {
		name, value := c[0].Value, c[1]
		err := e.set(name, value)
		if given[name] {
			err = errors.New("must not be given more than once")
		}
		if err != nil {
			l.bad(place(c[0]), "%s: %w", shown(name), err)
		}
		given[name] = true
	}
	for _, name := range []string{"name", "hash", "rights"} {
		if !given[name] {
			l.bad(place(item), "%s: must be given", name)
		}
	}
	if len(l.mistakes) == before {
		l.add(place(item), e.hash, &e.who)
	}
}

// shown is the name of a field as a mistake says it: a slip in a line, as a
// semicolon for the colon, makes a name of what may be a secret.
func shown(name string) string {
	if len(name) > len("prefixes")+2 {
		return "a long name"
	}
	return name
}

// An entry is one key of a file.
type entry struct {
	hash apiHash
	who  notifier.Publisher
}

func (e *entry) set(field string, value *yaml.Node) (err error) {
	switch field {
	case "name":
		e.who.Name = scalar(value)
		return CheckName(e.who.Name)
	case "hash":
		e.hash, err = parseHash(scalar(value))
		return err
	case "rights":
		return e.setRights(value)
	case "prefixes":
		return e.setPrefixes(value)
	case "rate":
		e.who.Rate, err = strconv.Atoi(scalar(value))
		if err != nil || e.who.Rate < 1 {
			return errors.New("must be a number of publications a second, from 1")
		}
		return nil
	}
	return errors.New("is no field of a key: those are name, hash, rights, prefixes and rate")
}

// scalar is the text of a value as it stands, "" for a list or a mapping.
func scalar(value *yaml.Node) string {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	return value.Value
}

// rightNames are the rights by their names in a file.
var rightNames = map[string]notifier.Rights{
	"publish": notifier.MayPublish,
	"control": notifier.MayControl,
	"tickets": notifier.MayTicket,
}

func (e *entry) setRights(value *yaml.Node) error {
	var names []string
	bad := value.Decode(&names) != nil || len(names) == 0
	for _, name := range names {
		bad = bad || rightNames[name] == 0
		e.who.Rights |= rightNames[name]
	}
	if bad {
		return errors.New("must be a list of some of publish, control and tickets")
	}
	return nil
}

// setPrefixes takes no empty list: it would be no restriction, where somebody may
// have meant the strictest.
func (e *entry) setPrefixes(value *yaml.Node) error {
	err := value.Decode(&e.who.Prefixes)
	isBad := func(prefix string) bool { return notifier.CheckToken(prefix) != "" }
	if err != nil || len(e.who.Prefixes) == 0 || slices.ContainsFunc(e.who.Prefixes, isBad) {
		return errors.New("must be a list of beginnings of tokens; leave it out to allow every token")
	}
	return nil
}

var errBadHash = fmt.Errorf("must be %s and 64 hexadecimal digits, as notifier key new prints it", hashPrefix)

func parseHash(text string) (hash apiHash, err error) {
	if isAPIKey(text) {
		return hash, errors.New("is the key itself; configure its hash, and give the key to the publisher only")
	}
	digits, ok := strings.CutPrefix(text, hashPrefix)
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) != len(hash) {
		return hash, errBadHash
	}
	return apiHash(b), nil
}

// validName keeps names readable in logs and in labels of metrics.
var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckName says what is wrong with a publisher's name, nil if nothing is.
func CheckName(name string) error {
	if !validName.MatchString(name) {
		return errors.New("must be 1 to 64 letters, digits, '.', '_' and '-', and begin with a letter or digit")
	}
	return nil
}
