package node

import (
	"net/http"

	"notifier"
)

// operator is whoever uses a private listener on loopback.
var operator = &notifier.Publisher{Name: "console", Rights: notifier.MayAll}

// operators says who a request on the private listener is from. On loopback that is
// the operator, who needs no credential; but not a page from elsewhere in the
// operator's browser, and nobody that a proxy lets in. On any other address the same
// credentials are asked for as on the main listener.
func (n *Node) operators(r *http.Request) (*notifier.Publisher, error) {
	switch {
	case isLoopbackHost(n.cfg.AdminListen):
		if err := besidesOperator(r); err != nil {
			return nil, err
		}
		return operator, nil
	case n.cfg.HasPublishers() || n.cfg.InsecureOpen:
		return n.publishers(r)
	}
	return nil, notifier.Denied{{Field: "admin-listen", Detail: "is not a loopback address, and there are no keys to ask for: set --api-key, or listen on 127.0.0.1"}}
}

// besidesOperator is the refusal of a request that shows that it is from somebody
// else, nil for one that does not.
func besidesOperator(r *http.Request) error {
	for _, name := range proxyHeaders {
		if r.Header[name] != nil {
			return notifier.Denied{{Field: name, Detail: "is what a proxy adds; the private listener asks for no credentials and so is for this machine only"}}
		}
	}
	if crossOrigin.Check(r) != nil {
		return notifier.Denied{{Field: "Origin", Detail: "is not that of the private listener"}}
	}
	return nil
}
