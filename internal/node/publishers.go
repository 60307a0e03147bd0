package node

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"notifier"
	"notifier/auth"
	"notifier/internal/config"
)

// A publisherHandler is a [handler] that is told who a request is from.
type publisherHandler func(http.ResponseWriter, *http.Request, *notifier.Publisher) error

// publisher lets those in to f who have the right.
func (s *surface) publisher(right notifier.Rights, f publisherHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := s.publishers(r)
		if err == nil && who.Rights&right == 0 {
			err = notifier.ErrForbidden
		}
		if err != nil {
			s.node.hurry(w)
			return err
		}
		return f(w, r, who)
	}
}

// hurry gives a client that is refused unread some time for the rest of its
// request: net/http reads what is left of a small body before it answers.
func (n *Node) hurry(w http.ResponseWriter) {
	// An error means that the connection is gone.
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(n.cfg.RequestTimeout))
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
	n.keyring = &keyring{log: n.log}
	apply, err := n.keyring.reload(n.cfg)
	if err != nil {
		return err
	}
	apply()
	n.publishers = n.keyring.publisher
	if n.cfg.JWTPublish {
		n.publishers = n.keyOrJWT
	}
	return nil
}

func (n *Node) keyOrJWT(r *http.Request) (*notifier.Publisher, error) {
	who, err := n.keyring.publisher(r)
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

// A keyring is the API keys of the configuration. Their file is read again when it
// has changed, so that a key can be added or taken away without a restart.
type keyring struct {
	log *slog.Logger

	mu      sync.Mutex
	lines   []string
	file    string
	looked  time.Time // when the file was last looked at
	changed time.Time // its modification time then
	failed  string    // what was wrong with it then, if it was not taken
	keys    auth.APIKeys
}

// reload takes the keys that are in a configuration and in its file.
func (k *keyring) reload(cfg config.Config) (apply func(), err error) {
	keys, err := auth.LoadAPIKeys(cfg.APIKey, cfg.APIKeys)
	if err != nil {
		return nil, err
	}
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.lines, k.file, k.keys = cfg.APIKey, cfg.APIKeys, keys
		k.changed = time.Time{} // the file may have changed meanwhile
	}, nil
}

// reloadPublishers is a [reload].
func (n *Node) reloadPublishers(cfg config.Config) (apply func(), err error) {
	if n.keyring == nil {
		return func() {}, nil
	}
	return n.keyring.reload(cfg)
}

// publisher says whose key a request has.
func (k *keyring) publisher(r *http.Request) (*notifier.Publisher, error) {
	k.mu.Lock()
	if now := time.Now(); k.file != "" && now.Sub(k.looked) >= lookEvery {
		k.looked = now
		k.look()
	}
	keys := k.keys
	k.mu.Unlock()
	return keys.Publisher(r)
}

// look reads the file if it has changed. One that is broken leaves the keys that
// there were in use.
func (k *keyring) look() {
	changed, err := lastChange(k.file)
	if err == nil && changed.Equal(k.changed) {
		return
	}
	var keys auth.APIKeys
	if err == nil {
		keys, err = auth.LoadAPIKeys(k.lines, k.file)
	}
	if err != nil {
		if k.failed != err.Error() {
			k.failed = err.Error()
			k.log.Warn("the API keys were not changed", "err", err)
		}
		return
	}
	if !k.changed.IsZero() {
		k.log.Info("the API keys were read again", "keys", len(keys))
	}
	k.keys, k.changed, k.failed = keys, changed, ""
}
