package node

import (
	"errors"
	"net/http"

	"notifier"
	"notifier/auth"
	"notifier/internal/config"
)

// A publisherHandler is a [handler] that is told who a request is from.
type publisherHandler func(http.ResponseWriter, *http.Request, *notifier.Publisher) error

// publisher lets those in to f who have the right.
func (s *surface) publisher(right notifier.Rights, f publisherHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := s.admit(r, right)
		if err != nil {
			return err
		}
		return f(w, r, who)
	}
}

// admit says who a request is from, if they have the right.
func (s *surface) admit(r *http.Request, right notifier.Rights) (*notifier.Publisher, error) {
	who, err := s.publishers(r)
	if err != nil {
		return nil, err
	}
	if who.Rights&right == 0 {
		return nil, notifier.ErrForbidden
	}
	return who, nil
}

// deniedToken is the refusal of a control call about a token that the publisher may
// not address.
var deniedToken = notifier.Denied{{Field: "token", Detail: "is none that this publisher may address"}}

// openPublishers prepares how publishers prove who they are: with an API key, or,
// if that is configured, with a JWT.
func (n *Node) openPublishers() error {
	if !n.cfg.HasPublishers() {
		n.publishers = n.anyone
		return nil
	}
	keys, err := readKeyring(n.cfg)
	if err != nil {
		return err
	}
	n.keyring = &keyring{what: "the API keys", log: n.log, now: keys}
	n.publishers = n.withKey
	if n.cfg.JWTPublish {
		n.publishers = n.withKeyOrJWT
	}
	return nil
}

// withKey says whose API key a request has.
func (n *Node) withKey(r *http.Request) (*notifier.Publisher, error) {
	return n.keyring.get().Publisher(r)
}

func (n *Node) withKeyOrJWT(r *http.Request) (*notifier.Publisher, error) {
	who, err := n.withKey(r)
	if errors.Is(err, notifier.ErrUnauthorized) {
		return n.jwt.Publisher(r)
	}
	return who, err
}

// anybody is every publisher where none must prove who it is.
var anybody = &notifier.Publisher{Name: "anyone", Rights: notifier.MayAll}

// crossOrigin finds what a page of another site sent.
var crossOrigin http.CrossOriginProtection

// anyone says who a request is from where nobody must prove it. Even there a page
// that somebody happens to look at must not publish in their name: their browser
// may reach what its author cannot.
func (n *Node) anyone(r *http.Request) (*notifier.Publisher, error) {
	if crossOrigin.Check(r) != nil && !n.trusts(r.Header.Get("Origin")) {
		return nil, notifier.Denied{{Field: "Origin", Detail: "is that of another site; set --allow-origin to let its pages publish"}}
	}
	return anybody, nil
}

// A keyring is the API keys of the configuration, those of its file included.
type keyring = watched[auth.APIKeys]

func readKeyring(cfg config.Config) (reading[auth.APIKeys], error) {
	var files []string
	if cfg.APIKeys != "" {
		files = append(files, cfg.APIKeys)
	}
	return readFrom(func() (auth.APIKeys, error) { return auth.LoadAPIKeys(cfg.APIKey, cfg.APIKeys) }, files...)
}

// reloadPublishers is a [reload].
func (n *Node) reloadPublishers(cfg config.Config) (apply func(), err error) {
	if n.keyring == nil {
		return func() {}, nil
	}
	r, err := readKeyring(cfg)
	return func() { n.keyring.take(r) }, err
}
