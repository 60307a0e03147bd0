package node

import (
	"cmp"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"notifier"
	"notifier/auth"
	"notifier/internal/config"
)

// session is how long a ticket lets its stream come back where streams have no
// lifetime.
const session = 24 * time.Hour

// openTickets makes what makes and takes tickets.
func (n *Node) openTickets() (err error) {
	secret, err := n.ticketSecret()
	if err == nil {
		n.tickets, err = auth.NewTickets(secret, cmp.Or(n.cfg.Lifetime, session))
	}
	if err != nil {
		return fmt.Errorf("ticket-key: %w", err)
	}
	return nil
}

// ticketSecret is the one configured, or one that is kept with the events, or that
// ends with them.
func (n *Node) ticketSecret() ([]byte, error) {
	switch {
	case n.cfg.TicketKey != "":
		secret, err := n.cfg.TicketKey.Read()
		return []byte(secret), err
	case n.cfg.Data == config.Memory:
		return auth.NewKey(), nil
	}
	return auth.KeyFile(filepath.Join(n.cfg.Data, "ticket.key"))
}

// issueTicket answers POST /api/tickets: a credential for one token that may stand in
// a URL.
func (n *Node) issueTicket(w http.ResponseWriter, r *http.Request, who *notifier.Publisher) error {
	var asked struct {
		Token string         `json:"token"`
		TTL   jsontext.Value `json:"ttl"`
	}
	if err := n.receive(w, r, &asked); err != nil {
		return err
	}
	if wrong := notifier.CheckToken(asked.Token); wrong != "" {
		return notifier.BadField("token", wrong)
	}
	ttl, ok := ttlOf(asked.TTL, n.cfg.TicketTTL)
	if !ok {
		return notifier.BadField("ttl", fmt.Sprintf(`must be a duration such as "30s" or a number of seconds, from 1s to %v`, n.cfg.TicketTTL))
	}
	if !who.Reaches(asked.Token) {
		return deniedToken
	}
	ticket, expires, err := n.tickets.Issue(asked.Token, ttl)
	if err != nil {
		return err
	}
	return writeJSON(w, struct {
		Ticket  string    `json:"ticket"`
		Expires time.Time `json:"expires"`
	}{ticket, expires.UTC()})
}

// ttlOf reads a duration such as "30s" or a number of seconds, from a second to most,
// which is what it is if nothing is said.
func ttlOf(v jsontext.Value, most time.Duration) (time.Duration, bool) {
	if v == nil {
		return most, true
	}
	var ttl time.Duration
	switch v.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, v)
		if err == nil {
			ttl, err = time.ParseDuration(string(text))
		}
		if err != nil {
			return 0, false
		}
	case '0':
		seconds, err := strconv.ParseFloat(string(v), 64)
		if err != nil || seconds > most.Seconds() {
			return 0, false
		}
		ttl = time.Duration(max(seconds, 0) * float64(time.Second))
	}
	return ttl, time.Second <= ttl && ttl <= most
}
