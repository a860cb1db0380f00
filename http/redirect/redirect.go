// Package redirect answers HTTP requests with redirects (RFC 9110 §15.4): of whole domains,
// and of paths with rewriting by a regular expression. Redirects keep path and query, lead
// to nowhere that the configuration does not name, and never to the URL that was asked
// for. [FindLoops] finds rules that lead in a circle.
package redirect

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// Options for [New].
type Options struct {
	// BaseURL is where to redirect to: scheme http or https, host and port, a query that
	// is put before the one of the request, a fragment. It has no path. When it is empty,
	// redirects stay on the host that was asked, and OrigPathRegexp must be set.
	BaseURL string

	// OrigPathRegexp is matched with the decoded path of requests, which begins with a
	// slash. What it matches is replaced. Requests that do not match get code 404. When it
	// is nil, paths are kept.
	OrigPathRegexp *regexp.Regexp

	// ReplacePath replaces what OrigPathRegexp matches; $1 or ${1} is what the first
	// parentheses matched, ${name} those with the name. The result is a path, in which
	// question marks and other special characters will be encoded.
	ReplacePath string

	// StatusCode is 301, 302, 303, 307 or 308. Default: 308 (Permanent Redirect), which
	// keeps method and content.
	StatusCode int

	// Proto returns the scheme, "http" or "https", that the client uses. Default: of the
	// connection.
	Proto func(*http.Request) string

	// Error answers what cannot be redirected: 400, 404 or 508. Default: the text of the
	// code.
	Error func(w http.ResponseWriter, r *http.Request, code int)
}

// Errors of [Handler.Location].
var (
	// ErrNoMatch says that OrigPathRegexp does not match.
	ErrNoMatch = errors.New("path does not match")

	// ErrUnsafe says that clients would take the result for a URL on another host, or
	// that it has characters which no URL has.
	ErrUnsafe = errors.New("redirect would be unsafe")

	// ErrLoop says that the result is the URL that was asked for.
	ErrLoop = errors.New("redirect leads to itself")
)

// Handler redirects requests. It is immutable, and safe for concurrent use.
type Handler struct {
	opts Options
	base *url.URL // Nil when redirects stay on the host.
}

var _ http.Handler = (*Handler)(nil)

// New returns a handler. The error says which option cannot be.
func New(opts Options) (*Handler, error) {
	h := &Handler{opts: opts}
	switch opts.StatusCode {
	case 0:
		h.opts.StatusCode = http.StatusPermanentRedirect
	case 301, 302, 303, 307, 308:
	default:
		return nil, fmt.Errorf("redirect: status code %d is not 301, 302, 303, 307 or 308", opts.StatusCode)
	}
	if opts.OrigPathRegexp == nil && opts.ReplacePath != "" {
		return nil, errors.New("redirect: replacement path without expression for the original path")
	}
	if strings.ContainsAny(opts.ReplacePath, "?#\\") || !clean(opts.ReplacePath) {
		return nil, fmt.Errorf("redirect: replacement path %q has characters that no path has", opts.ReplacePath)
	}
	switch {
	case opts.BaseURL != "":
		base, err := parseBase(opts.BaseURL)
		if err != nil {
			return nil, err
		}
		h.base = base
	case opts.OrigPathRegexp == nil:
		return nil, errors.New("redirect: neither base URL nor expression for the original path")
	}
	if opts.Proto == nil {
		h.opts.Proto = func(r *http.Request) string {
			if r.TLS != nil {
				return "https"
			}
			return "http"
		}
	}
	if opts.Error == nil {
		h.opts.Error = func(w http.ResponseWriter, _ *http.Request, code int) {
			http.Error(w, http.StatusText(code), code)
		}
	}
	return h, nil
}

// Domain returns a handler that redirects all paths to the same path on another host, by
// code 308. to is a host with or without port, which means HTTPS, or a URL for
// Options.BaseURL.
func Domain(to string) (*Handler, error) {
	if !strings.Contains(to, "://") {
		to = "https://" + to
	}
	return New(Options{BaseURL: to})
}

func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("redirect: base URL: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("redirect: base URL %q: scheme is not http or https", s)
	case u.Hostname() == "" || u.Opaque != "" || !httpguts.ValidHostHeader(u.Host) || strings.ContainsAny(u.Host, "\\\"'<>,;* "):
		return nil, fmt.Errorf("redirect: base URL %q: bad host", s)
	case u.User != nil:
		return nil, fmt.Errorf("redirect: base URL %q has a user name", u.Redacted())
	case u.Path != "" && u.Path != "/":
		return nil, fmt.Errorf("redirect: base URL %q has a path", s)
	case !clean(u.RawQuery):
		return nil, fmt.Errorf("redirect: base URL %q: bad query", s)
	}
	u.Path, u.RawPath = "", ""
	return u, nil
}

// ServeHTTP redirects a request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	location, err := h.Location(h.opts.Proto(r), r.Host, r.URL)
	switch {
	case errors.Is(err, ErrNoMatch):
		h.opts.Error(w, r, http.StatusNotFound)
		return
	case errors.Is(err, ErrLoop):
		h.opts.Error(w, r, http.StatusLoopDetected)
		return
	case err != nil:
		h.opts.Error(w, r, http.StatusBadRequest)
		return
	}
	header := w.Header()
	header.Set("Location", location)
	header.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(h.opts.StatusCode)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, http.StatusText(h.opts.StatusCode)+"\n") // The client has what it needs.
	}
}

// Location returns where a request for u, by a scheme and to a host as its Host field
// has it, is redirected to: an absolute URL when there is a base URL, otherwise a path with query.
// Only ASCII is in it. Errors are ErrNoMatch, ErrUnsafe and ErrLoop.
func (h *Handler) Location(scheme, host string, u *url.URL) (string, error) {
	path, err := h.path(u)
	if err != nil {
		return "", err
	}
	query, ok := escapeQuery(u.RawQuery)
	if !ok {
		return "", fmt.Errorf("%w: bad query", ErrUnsafe)
	}
	to := path
	at := url.URL{Scheme: scheme, Host: host}
	if h.base != nil {
		at = *h.base
		to = at.Scheme + "://" + at.Host + path
		if at.RawQuery != "" && query != "" {
			query = at.RawQuery + "&" + query
		} else if query == "" {
			query = at.RawQuery
		}
	} else if unsafePath(path) {
		return "", fmt.Errorf("%w: path of another host", ErrUnsafe)
	}
	asked, _ := escapeQuery(u.RawQuery)
	if at.Scheme == scheme && sameHost(scheme, at.Host, host) && query == asked && samePath(path, u) {
		return "", ErrLoop
	}
	if query != "" {
		to += "?" + query
	}
	if at.Fragment != "" {
		to += "#" + at.EscapedFragment()
	}
	return to, nil
}

// path returns the encoded path that a path is redirected to. It begins with a slash.
func (h *Handler) path(u *url.URL) (string, error) {
	if h.opts.OrigPathRegexp == nil {
		return escapePath(u), nil
	}
	from := "/" + strings.TrimPrefix(u.Path, "/")
	if !h.opts.OrigPathRegexp.MatchString(from) {
		return "", ErrNoMatch
	}
	to := h.opts.OrigPathRegexp.ReplaceAllString(from, h.opts.ReplacePath)
	return escapePath(&url.URL{Path: to}), nil
}

// escapePath returns the path of u in ASCII, with a slash at its beginning. Its encoding is
// kept, but for what browsers take for something else.
func escapePath(u *url.URL) string {
	p := u.EscapedPath()
	if p == "" || p[0] != '/' {
		p = "/" + p
	}
	if strings.IndexByte(p, '\\') >= 0 {
		p = strings.ReplaceAll(p, `\`, "%5C")
	}
	return p
}

// unsafePath tells whether browsers take a path for a URL with another host
// (RFC 3986 §4.2).
func unsafePath(p string) bool {
	return p == "" || p[0] != '/' || len(p) > 1 && (p[1] == '/' || p[1] == '\\')
}

// samePath tells whether an encoded path is the one of u, in whatever encoding: what is
// rewritten are decoded paths.
func samePath(path string, u *url.URL) bool {
	decoded, err := url.PathUnescape(path)
	return err == nil && decoded == "/"+strings.TrimPrefix(u.Path, "/")
}

// sameHost compares hosts with optional ports.
func sameHost(scheme, a, b string) bool {
	return strings.EqualFold(authority(scheme, a), authority(scheme, b))
}

// authority returns a host without dot at its end, and with port.
func authority(scheme, host string) string {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), ""
	}
	if port == "" {
		port = "80"
		if scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(strings.TrimSuffix(name, "."), port)
}

// clean tells whether a string has no spaces and control characters.
func clean(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// escapeQuery encodes what is not ASCII. ok is false for a query with characters that end a
// field or a URL.
func escapeQuery(q string) (escaped string, ok bool) {
	if !clean(q) {
		return "", false
	}
	var b strings.Builder
	for i := range len(q) {
		if c := q[i]; c >= 0x80 || c == '#' || c == '\\' || c == '"' || c == '<' || c == '>' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String(), true
}
