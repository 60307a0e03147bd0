package limit

import (
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks whose word on where a request came from is believed.
type Proxies []netip.Prefix

// Client is the address that a request is from: that of the peer, unless the peer is
// a trusted proxy. Then it is the last one of X-Forwarded-For that is not of a
// trusted proxy: each proxy appends the address it was called from, so what stands
// further left was written by the client, which may write what it likes. Where the
// header says no more, or something that is no address, it is the last proxy's.
//
// The header Forwarded is not read: its quoting lets a client that writes half a
// quote swallow what a proxy appends.
//
// A request over something that has no addresses is from the unspecified one, "::".
func (p Proxies) Client(r *http.Request) netip.Addr {
	client, ok := parseAddr(r.RemoteAddr)
	if !ok {
		return netip.IPv6Unspecified()
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		rest, more := lines[i], true
		for more {
			if !p.trusts(client) {
				return client
			}
			var hop string
			rest, hop, more = cutLast(rest)
			addr, ok := parseAddr(hop)
			if !ok {
				return client
			}
			client = addr
		}
	}
	return client
}

func (p Proxies) trusts(addr netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// cutLast separates the last of a list's elements; more says whether there are others.
func cutLast(list string) (rest, last string, more bool) {
	i := strings.LastIndexByte(list, ',')
	return list[:max(i, 0)], strings.TrimSpace(list[i+1:]), i >= 0
}

// parseAddr reads an address with or without a port. Its zone, which means something
// on one machine only, is left out.
func parseAddr(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
