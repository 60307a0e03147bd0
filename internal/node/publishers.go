package node

import (
	"net/http"
	"time"

	"notifier"
)

// anyone is every publisher where no credentials are configured.
var anyone = &notifier.Publisher{Name: "anyone", Rights: notifier.MayAll}

// A publisherHandler is a [handler] that is told who a request is from.
type publisherHandler func(http.ResponseWriter, *http.Request, *notifier.Publisher) error

// publisher lets those in to f who have the right.
//
// Whoever it refuses has time for the rest of the request, but not for ever:
// net/http reads what is left of a small body before it answers.
func (n *Node) publisher(right notifier.Rights, f publisherHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := n.publishers(r)
		if err == nil && who.Rights&right == 0 {
			err = notifier.ErrForbidden
		}
		if err != nil {
			// An error means that the connection is gone.
			http.NewResponseController(w).SetReadDeadline(time.Now().Add(n.cfg.RequestTimeout))
			return err
		}
		return f(w, r, who)
	}
}

// deniedToken is the refusal of a control call about a token that the publisher may
// not address.
var deniedToken = notifier.Denied{{Field: "token", Detail: "is none that this publisher may address"}}
