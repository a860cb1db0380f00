package proxy

import (
	"net/http"
	"net/netip"
	"strings"
)

// forwardedField tells whether a field says for whom a request is made. Fields of
// these names come from this proxy, or from one that is trusted, and never from a
// client. Names with underscores are taken for those with hyphens, since upstreams by way
// of CGI cannot tell them apart.
func forwardedField(name string) bool {
	if name == "" || name[0] != 'X' && name[0] != 'F' {
		return false
	}
	switch name {
	case "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-Ip":
		return true
	}
	const family = "x-forwarded-"
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	return strings.HasPrefix(name, family) || name == "x-real-ip"
}

// appendForwarded appends the fields that tell the upstream of the client: X-Forwarded-For
// and its relatives, X-Real-IP, and Forwarded (RFC 7239).
func (h *Handler) appendForwarded(b []byte, r *http.Request) []byte {
	client, proto := h.opts.ClientAddr(r), h.opts.Proto(r)
	trusted := h.opts.Trusted(r)
	peer := client
	var before http.Header // What a trusted proxy says; a nil one has no fields.
	if trusted {
		before = r.Header
		peer = peerAddr(r)
	}
	b = append(b, "X-Forwarded-For: "...)
	b = appendList(b, before["X-Forwarded-For"])
	b = appendAddr(b, peer)
	b = append(b, "\r\nX-Real-Ip: "...)
	b = appendAddr(b, client)
	b = append(b, "\r\nX-Forwarded-Proto: "...)
	b = append(b, proto...)
	b = append(b, "\r\nX-Forwarded-Host: "...)
	b = append(b, first(before["X-Forwarded-Host"], r.Host)...)
	b = append(b, "\r\nX-Forwarded-Port: "...)
	b = append(b, first(before["X-Forwarded-Port"], port(r.Host, proto))...)
	if h.opts.StripPath != "" {
		b = append(b, "\r\nX-Forwarded-Prefix: "...)
		if p := before["X-Forwarded-Prefix"]; len(p) == 1 {
			b = append(b, p[0]...)
		}
		b = append(b, h.opts.StripPath...)
	}
	b = append(b, "\r\nForwarded: "...)
	b = appendList(b, before["Forwarded"])
	b = appendElement(b, peer, r.Host, proto)
	return append(b, "\r\n"...)
}

// appendElement appends a forwarded-element (RFC 7239 §4).
func appendElement(b []byte, peer netip.Addr, host, proto string) []byte {
	b = append(b, "for="...)
	if peer.Is6() {
		b = append(b, `"[`...)
		b = peer.AppendTo(b)
		b = append(b, `]"`...)
	} else {
		b = appendAddr(b, peer)
	}
	// Only what a token cannot hold is quoted; a host has no quotes and backslashes.
	b = append(b, ";host="...)
	if isToken(host) {
		b = append(b, host...)
	} else {
		b = append(b, '"')
		b = append(b, host...)
		b = append(b, '"')
	}
	b = append(b, ";proto="...)
	return append(b, proto...)
}

// appendAddr appends an address, or the word of RFC 7239 §6.2 for one that is not known,
// as of a client on a socket.
func appendAddr(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(b, "unknown"...)
	}
	return a.AppendTo(b)
}

// appendList appends lines of a list, each with a comma after it.
func appendList(b []byte, lines []string) []byte {
	for _, l := range lines {
		b = append(b, l...)
		b = append(b, ", "...)
	}
	return b
}

func first(values []string, otherwise string) string {
	if len(values) > 0 {
		return values[0]
	}
	return otherwise
}

// port returns the port of a Host field.
func port(host, proto string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && digits(host[i+1:]) && host[i+1:] != "" {
		return host[i+1:]
	}
	if proto == "https" {
		return "443"
	}
	return "80"
}
