package proxy

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// via is the name of this proxy in Via fields (RFC 9110 §7.6.3).
const via = "mox"

// maxVia is through how many proxies of our name a request may have come. More of them are a
// loop.
const maxVia = 8

// hopByHop tells whether a field is about one connection, and not to be passed on
// (RFC 9110 §7.6.1), in addition to those that Connection names.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Proxy-Authenticate", "Proxy-Authorization", "Http2-Settings":
		return true
	}
	return false
}

// refuse returns the code for requests that are not passed on, or 0.
func (h *Handler) refuse(r *http.Request) int {
	switch {
	case r.Method == http.MethodConnect && !extendedConnect(r), r.Method == http.MethodTrace:
		// CONNECT asks for a tunnel to anywhere, TRACE for fields that the client should not see.
		return http.StatusMethodNotAllowed
	case !isToken(r.Method), !validHost(r.Host), !validTarget(r.URL.RawQuery), climbs(r.URL.Path):
		return http.StatusBadRequest
	case h.opts.MaxRequestBody > 0 && r.ContentLength > h.opts.MaxRequestBody:
		return http.StatusRequestEntityTooLarge
	}
	if len(r.TransferEncoding) > 0 {
		// RFC 9112 §6.1. What was accepted is framed anew; this is for what should not have been.
		if len(r.TransferEncoding) > 1 || !strings.EqualFold(r.TransferEncoding[0], "chunked") || len(r.Header["Content-Length"]) > 0 {
			return http.StatusBadRequest
		}
	}
	if lines := r.Header["Via"]; len(lines) > 0 {
		n := 0
		for _, l := range lines {
			eachElement(l, func(e string) {
				if _, by, _ := strings.Cut(e, " "); by == via {
					n++
				}
			})
		}
		if n >= maxVia {
			return http.StatusLoopDetected
		}
	}
	return 0
}

// validHost tells whether a Host field can be passed on and put between quotes.
func validHost(host string) bool {
	return httpguts.ValidHostHeader(host) && !strings.ContainsAny(host, "\"\\, ;/@")
}

// validTarget tells whether a part of a request target has no bytes that end it. From
// HTTP/2 they can come.
func validTarget(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// climbs tells whether a path has a ".." segment, or one that is it for servers which take parameters off: what it leads to for the upstream may
// not be below what the path of a handler or StripPath says.
func climbs(path string) bool {
	if !strings.Contains(path, "..") {
		return false
	}
	segments := strings.FieldsFunc(path, func(c rune) bool { return c == '/' || c == '\\' })
	return slices.ContainsFunc(segments, func(s string) bool { return s == ".." || strings.HasPrefix(s, "..;") })
}

// appendTarget appends the request target for an upstream (RFC 9112 §3.2.1).
func (h *Handler) appendTarget(b []byte, up *upstream, r *http.Request) []byte {
	path := r.URL.EscapedPath()
	if path == "*" && r.Method == http.MethodOptions {
		return append(b, '*')
	}
	if rest, ok := strings.CutPrefix(path, h.opts.StripPath); ok && (rest == "" || rest[0] == '/') {
		path = rest
	}
	b = append(b, up.path...)
	if path == "" || path[0] != '/' {
		b = append(b, '/')
	}
	b = append(b, path...)
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		b = append(b, '?')
		b = append(b, r.URL.RawQuery...)
	}
	return b
}

// appendHead appends the head of a request to an upstream. It returns false when a field
// cannot be written.
func (h *Handler) appendHead(b []byte, x *exchange) ([]byte, bool) {
	r := x.r
	method := r.Method
	if x.connect {
		method = http.MethodGet
	}
	b = append(b, method...)
	b = append(b, ' ')
	b = h.appendTarget(b, x.up, r)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	if h.opts.PassHost {
		b = append(b, r.Host...)
	} else {
		b = append(b, x.up.host...)
	}
	b = append(b, "\r\n"...)
	b, ok := h.appendFields(b, r)
	if !ok {
		return b, false
	}
	b = h.appendForwarded(b, r)
	b = append(b, "Via: "...)
	b = appendList(b, r.Header["Via"])
	b = strconv.AppendInt(b, int64(r.ProtoMajor), 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(r.ProtoMinor), 10)
	b = append(b, " "+via+"\r\n"...)
	b = append(b, h.requestFields...)
	b = x.appendFraming(b)
	return append(b, "\r\n"...), true
}

// appendFields appends the fields of the client that are passed on.
func (h *Handler) appendFields(b []byte, r *http.Request) ([]byte, bool) {
	var nominees []string
	for _, l := range r.Header["Connection"] {
		eachElement(l, func(token string) {
			if !strings.EqualFold(token, "close") && !strings.EqualFold(token, "keep-alive") {
				nominees = append(nominees, textproto.CanonicalMIMEHeaderKey(token))
			}
		})
	}
	for name, values := range r.Header {
		if hopByHop(name) || name == "Content-Length" || name == "Host" || name == "Via" || name == "Expect" ||
			name[0] == ':' || forwardedField(name) || h.replaced(name) || slices.Contains(nominees, name) {
			continue
		}
		for _, v := range values {
			if strings.IndexByte(v, '\n') >= 0 || strings.IndexByte(v, '\r') >= 0 {
				return b, false
			}
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, v...)
			b = append(b, "\r\n"...)
		}
	}
	return b, true
}

// replaced tells whether the configuration says what a field is. As with forwardedField, names with underscores
// are taken for those with hyphens.
func (h *Handler) replaced(name string) bool {
	return len(h.ownFields) > 0 && h.ownFields[hyphenated(name)]
}

// hyphenated returns a name, which is in canonical form, with hyphens for underscores.
func hyphenated(name string) string {
	if strings.IndexByte(name, '_') < 0 {
		return name
	}
	return textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
}

// passesTrailer tells whether a field of a trailer is passed on: not where it could be taken for one that only a header
// may have (RFC 9110 §6.5.1), or that is ours to say.
func (h *Handler) passesTrailer(name string) bool {
	return httpguts.ValidTrailerHeader(name) && !hopByHop(name) && !forwardedField(name) && !h.replaced(name)
}

// appendFraming appends the fields about this connection and the length of the content.
func (x *exchange) appendFraming(b []byte) []byte {
	r := x.r
	if x.upgrade != "" {
		b = append(b, "Connection: Upgrade\r\nUpgrade: "...)
		b = append(b, x.upgrade...)
		b = append(b, "\r\n"...)
		if x.connect {
			b = append(b, "Sec-WebSocket-Key: "...)
			b = append(b, x.key...)
			b = append(b, "\r\n"...)
		}
	} else if httpguts.HeaderValuesContainsToken(r.Header["Te"], "trailers") {
		b = append(b, "Connection: TE\r\nTE: trailers\r\n"...)
	}
	if x.expects {
		b = append(b, "Expect: 100-continue\r\n"...)
	}
	switch {
	case !x.hasBody:
		// A method that content is usual with says that it has none (RFC 9110 §8.6).
		if r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
			b = append(b, "Content-Length: 0\r\n"...)
		}
	case x.chunked:
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		first := true
		for name := range r.Trailer {
			if !x.h.passesTrailer(name) {
				continue
			}
			if first {
				b = append(b, "Trailer: "...)
				first = false
			} else {
				b = append(b, ", "...)
			}
			b = append(b, name...)
		}
		if !first {
			b = append(b, "\r\n"...)
		}
	default:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, r.ContentLength, 10)
		b = append(b, "\r\n"...)
	}
	return b
}

// repeatable tells whether a request may be sent a second time when nobody knows what
// became of the first (RFC 9110 §9.2.2).
func repeatable(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}
