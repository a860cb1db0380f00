package http1

import (
	"bytes"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// maxHead is how large the head of a simple request may be, in bytes.
const maxHead = 4 << 10

var (
	endOfHead = []byte("\r\n\r\n")
	lineFeed  = []byte("\n")
)

// parse sets what b begins with of a request, and returns the length of its head; 0 if it is not simple, or not all of it is there.
func parse(r *http.Request, b []byte) int {
	end := bytes.Index(b, endOfHead)
	if end < 0 {
		return 0
	}
	lines := bytes.Count(b[:end], lineFeed)
	head := string(b[:end+2]) // One copy, of which names and values are parts.
	line, fields, _ := strings.Cut(head, "\r\n")
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	r.Header, r.Body = make(http.Header, lines), http.NoBody
	if !parseLine(r, line) || !parseFields(r, fields, lines) {
		return 0
	}
	return end + len(endOfHead)
}

// parseLine takes the request line (RFC 9112 §3), with a target in origin-form.
func parseLine(r *http.Request, line string) bool {
	line, ok := strings.CutSuffix(line, " HTTP/1.1")
	method, target, found := strings.Cut(line, " ")
	switch method {
	case http.MethodGet, http.MethodHead:
		r.Method = method
	default:
		return false
	}
	if !ok || !found || !strings.HasPrefix(target, "/") {
		return false
	}
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f {
			return false
		}
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return false
	}
	r.RequestURI, r.URL = target, u
	return true
}

// parseFields takes the fields, each with its CRLF, of which there are as many as said. They must have one Host, and none that
// changes how the connection is used or the request is understood.
func parseFields(r *http.Request, fields string, n int) bool {
	values := make([]string, n) // One allocation for the values of all.
	for fields != "" {
		line, rest, _ := strings.Cut(fields, "\r\n")
		fields = rest
		name, value, ok := strings.Cut(line, ":")
		value = trim(value)
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return false
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		switch name {
		case "Host":
			if r.Host != "" || value == "" || !httpguts.ValidHostHeader(value) {
				return false
			}
			r.Host = value
			continue
		case "Connection":
			if !strings.EqualFold(value, "keep-alive") {
				return false
			}
		case "Content-Length", "Transfer-Encoding", "Trailer", "Expect", "Upgrade",
			"Pragma": // Net/http makes Cache-Control of it.
			return false
		}
		if had := r.Header[name]; had != nil {
			r.Header[name] = append(had, value)
			continue
		}
		values[0] = value
		r.Header[name], values = values[:1:1], values[1:]
	}
	return r.Host != ""
}

// trim returns a value without the white space around it (RFC 9110 §5.5).
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
