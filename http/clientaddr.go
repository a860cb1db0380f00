package http

import (
	nethttp "net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwardedFields are the header fields in which proxies tell about a client.
var forwardedFields = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Real-Ip"}

// forwarded takes the address of the client, and whether it uses TLS, from what a trusted proxy at peer tells.
// If there is doubt, it is the proxy.
func forwarded(h nethttp.Header, peer netip.Addr, trusted []netip.Prefix) (client netip.Addr, https bool) {
	x, xok := lastUntrusted(xForwardedFor(h), trusted)
	f, fok := lastUntrusted(forwardedFor(h), trusted)
	switch {
	case xok && fok && x != f:
		// The proxy makes one of them, the client may have made the other.
		client = peer
	case xok:
		client = x
	case fok:
		client = f
	default:
		client = peer
	}
	proto := h.Get("X-Forwarded-Proto")
	if i := strings.LastIndexByte(proto, ','); i >= 0 {
		proto = proto[i+1:]
	}
	proto = strings.TrimSpace(proto)
	if proto == "" {
		if elements := forwardedElements(h); len(elements) > 0 {
			proto = elements[len(elements)-1]["proto"]
		}
	}
	return client, strings.EqualFold(proto, "https")
}

func isTrusted(ip netip.Addr, trusted []netip.Prefix) bool {
	return slices.ContainsFunc(trusted, func(n netip.Prefix) bool { return n.Contains(ip) })
}

// lastUntrusted returns the address that the nearest proxy, which is trusted, or one that it trusts
// in turn, has seen: from the end of the list, the first that is no proxy of ours. What stands before
// it anybody can have written. It reports false for an empty list and where an address is no address.
func lastUntrusted(l []string, trusted []netip.Prefix) (netip.Addr, bool) {
	for i := len(l) - 1; i >= 0; i-- {
		ip, ok := nodeAddr(l[i])
		if !ok {
			return netip.Addr{}, false
		}
		if i == 0 || !isTrusted(ip, trusted) {
			return ip, true
		}
	}
	return netip.Addr{}, false
}

// nodeAddr parses the address of a node: with a port or not, IPv6 in brackets or not.
func nodeAddr(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	ip, err := netip.ParseAddr(s)
	return ip.Unmap().WithZone(""), err == nil
}

// xForwardedFor returns the addresses of X-Forwarded-For, that of the client first.
func xForwardedFor(h nethttp.Header) []string {
	var l []string
	for _, v := range h["X-Forwarded-For"] {
		for s := range strings.SplitSeq(v, ",") {
			if s = strings.TrimSpace(s); s != "" {
				l = append(l, s)
			}
		}
	}
	return l
}

// forwardedFor returns the addresses of Forwarded, that of the client first. One that is hidden is "unknown" or the like.
func forwardedFor(h nethttp.Header) []string {
	var l []string
	for _, e := range forwardedElements(h) {
		l = append(l, e["for"])
	}
	return l
}

// forwardedElements parses Forwarded (RFC 7239 §4). A malformed one has no elements.
func forwardedElements(h nethttp.Header) []map[string]string {
	var l []map[string]string
	for _, v := range h["Forwarded"] {
		element := map[string]string{}
		for v = strings.TrimSpace(v); v != ""; {
			n := token(v)
			rest, ok := strings.CutPrefix(v[n:], "=")
			if n == 0 || !ok {
				return nil
			}
			name := strings.ToLower(v[:n])
			size := quoted(rest)
			if size > 0 {
				element[name] = unquote(rest[1 : size-1])
			} else {
				size = len(rest)
				if i := strings.IndexAny(rest, ";,"); i >= 0 {
					size = i
				}
				element[name] = strings.TrimSpace(rest[:size])
			}
			v = strings.TrimLeft(rest[size:], " \t")
			switch {
			case v == "":
			case v[0] == ';':
				v = strings.TrimLeft(v[1:], " \t")
			case v[0] == ',':
				l = append(l, element)
				element = map[string]string{}
				v = strings.TrimLeft(v[1:], " \t")
			default:
				return nil
			}
		}
		l = append(l, element)
	}
	return l
}

// unquote takes the backslashes out of the inside of a quoted string.
func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
