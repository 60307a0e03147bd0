package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
	"golang.org/x/sync/singleflight"

	"notifier"
)

const (
	// refreshEvery is how long a key that was withdrawn may still be used.
	refreshEvery = 5 * time.Minute
	// refreshPause is the least time between two fetches: whoever makes up names of
	// keys does not make us a nuisance to the one who publishes them.
	refreshPause = 5 * time.Second
	// refreshTimeout bounds a fetch.
	refreshTimeout = 5 * time.Second

	maxJWKS        = 1 << 20 // bytes
	maxJWKSHeaders = 64 << 10
)

// jwks are the public keys that somebody publishes as a JSON Web Key Set (RFC
// 7517) at one URL. They are fetched at the start, every now and then, and when a
// token names an unknown one; by one request at a time, however many wait for it.
// While they cannot be fetched those that were stay in use.
type jwks struct {
	url      string
	accepted []jose.SignatureAlgorithm
	log      *slog.Logger
	client   *http.Client

	alive  context.Context // until close
	stop   context.CancelFunc
	ended  chan struct{} // closed when run has
	flight singleflight.Group
	begun  time.Time // of the last fetch; owned by the flight
	set    atomic.Pointer[keySet]
}

// A keySet is what is known. It is immutable.
type keySet struct {
	keys map[string][]key // by kid
	err  error            // of the last fetch
}

// newJWKS begins to fetch by way of a transport.
func newJWKS(at string, accepted []jose.SignatureAlgorithm, log *slog.Logger, by http.RoundTripper) *jwks {
	if inTheOpen(at) {
		log.Warn("the keys of JWTs are fetched without TLS: whoever can change what is on the way can sign", "url", withoutQuery(at))
	}
	s := &jwks{
		url: at, accepted: accepted, log: log, ended: make(chan struct{}),
		client: &http.Client{
			Transport: by,
			Timeout:   refreshTimeout,
			// A redirect would let another place say who may read.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	s.alive, s.stop = context.WithCancel(context.Background())
	s.set.Store(&keySet{})
	go s.run()
	return s
}

// inTheOpen reports whether a URL leads to another machine without TLS.
func inTheOpen(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "https" || u.Hostname() == "localhost" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err != nil || !ip.IsLoopback()
}

// jwksTransport is the usual one, proxies included, but for what is bounded.
func jwksTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableKeepAlives = true // the next fetch is far away
	t.MaxResponseHeaderBytes = maxJWKSHeaders
	return t
}

func (s *jwks) run() {
	defer close(s.ended)
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		s.refresh(s.alive)
		select {
		case <-tick.C:
		case <-s.alive.Done():
			return
		}
	}
}

func (s *jwks) close() {
	s.stop()
	<-s.ended
}

// find returns the keys of that name; there may be one of each kind.
func (s *jwks) find(ctx context.Context, id string) ([]key, error) {
	if id == "" {
		return nil, refused("names no key")
	}
	if keys := s.set.Load().keys[id]; keys != nil {
		return keys, nil
	}
	s.refresh(ctx)
	set := s.set.Load()
	switch keys := set.keys[id]; {
	case keys != nil:
		return keys, nil
	case set.keys == nil || set.err != nil:
		return nil, fmt.Errorf("%w: the keys of JWTs could not be fetched", notifier.ErrUnavailable)
	}
	return nil, refused("names an unknown key")
}

// refresh fetches the keys, or waits for those who do, unless the last fetch was
// just now. It ends with ctx at the latest.
func (s *jwks) refresh(ctx context.Context) {
	done := s.flight.DoChan("", func() (any, error) {
		if time.Since(s.begun) >= refreshPause {
			s.begun = time.Now()
			s.update(s.fetch())
		}
		return nil, nil
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// update puts the outcome of a fetch in use, and tells the operator if it is news.
func (s *jwks) update(keys map[string][]key, err error) {
	old := s.set.Load()
	if err != nil {
		s.set.Store(&keySet{keys: old.keys, err: err})
		if old.err == nil && s.alive.Err() == nil {
			s.log.Warn("the keys of JWTs could not be fetched", "url", withoutQuery(s.url), "known", len(old.keys), "err", err)
		}
		return
	}
	s.set.Store(&keySet{keys: keys})
	if old.err != nil || old.keys == nil {
		s.log.Info("the keys of JWTs were fetched", "url", withoutQuery(s.url), "known", len(keys))
	}
}

func (s *jwks) fetch() (map[string][]key, error) {
	req, err := http.NewRequestWithContext(s.alive, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := s.client.Do(req)
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err // without the URL
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxJWKS+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxJWKS {
		return nil, fmt.Errorf("the answer has more than %d bytes", maxJWKS)
	}
	return parseJWKS(body, s.accepted)
}

// parseJWKS leaves out the keys that are not for us, as the RFC says: those of
// unknown kinds, for other uses, without a name. Secrets are not either: whoever
// can read them could sign.
func parseJWKS(body []byte, accepted []jose.SignatureAlgorithm) (map[string][]key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(body, &set) != nil {
		return nil, errors.New("the answer is not a JSON Web Key Set")
	}
	keys := map[string][]key{}
	for _, raw := range set.Keys {
		var jwk jose.JSONWebKey
		if json.Unmarshal(raw, &jwk) != nil || !jwk.IsPublic() || jwk.KeyID == "" || jwk.Use != "" && jwk.Use != "sig" {
			continue
		}
		only := accepted
		if jwk.Algorithm != "" {
			only = slices.DeleteFunc(slices.Clone(accepted), func(a jose.SignatureAlgorithm) bool { return string(a) != jwk.Algorithm })
		}
		if k, err := newKey(jwk.Key, only); err == nil && len(keys[jwk.KeyID]) < maxKeys {
			keys[jwk.KeyID] = append(keys[jwk.KeyID], k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the answer has no key that can be used")
	}
	return keys, nil
}

// withoutQuery is a URL for the log: its query may hold a secret.
func withoutQuery(u string) string {
	u, _, _ = strings.Cut(u, "?")
	return u
}
