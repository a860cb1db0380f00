package htmlmail

import (
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// target is a URL as a browser understands it (WHATWG URL), in the few schemes that messages may use.
type target struct {
	scheme   string // "http", "https", "mailto", "tel", "cid", "data", or "" for a reference within the message.
	host     string // Of http and https: in lower case, an international name in ASCII.
	port     string
	userinfo bool // There was a user or password before the host. They are left out.
	rest     string
}

// maxURL bounds the length of URLs other than data URLs, in bytes.
const maxURL = 8 << 10

// parseTarget reads an URL. What is relative has no meaning in a message and is refused, except for
// "#name"; "//host" and "www.host", which authors write, are taken as absolute.
func parseTarget(s string) (target, bool) {
	s = cleanURL(s)
	if len(s) >= 5 && strings.EqualFold(s[:5], "data:") {
		return target{scheme: "data", rest: s[5:]}, true
	}
	switch {
	case s == "" || len(s) > maxURL:
		return target{}, false
	case s[0] == '#':
		return target{rest: "#" + escapeURL(s[1:])}, true
	case len(s) > 1 && isSlash(s[0]) && isSlash(s[1]):
		return parseHTTP("https", s)
	case len(s) > 4 && strings.EqualFold(s[:4], "www."):
		return parseHTTP("http", s)
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok {
		return target{}, false
	}
	scheme = strings.ToLower(scheme)
	switch scheme {
	case "http", "https":
		return parseHTTP(scheme, rest)
	case "mailto", "tel", "cid":
		t := target{scheme: scheme, rest: escapeURL(rest)}
		return t, t.rest != "" && t.parseable()
	}
	return target{}, false
}

func isSlash(c byte) bool { return c == '/' || c == '\\' }

// cleanURL takes away what browsers do not see in a URL: controls and spaces around it, tabs and line ends
// within.
func cleanURL(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return -1
		}
		return r
	}, s)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// parseHTTP reads what follows the scheme. Browsers take any number of slashes of either kind.
func parseHTTP(scheme, s string) (target, bool) {
	s = strings.TrimLeft(s, `/\`)
	end := strings.IndexAny(s, `/\?#`)
	if end < 0 {
		end = len(s)
	}
	authority, rest := s[:end], s[end:]
	t := target{scheme: scheme}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		t.userinfo, authority = true, authority[i+1:]
	}
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		host, port = authority[:i], authority[i+1:]
	}
	if strings.Trim(port, "0123456789") != "" || len(port) > 5 {
		return target{}, false
	}
	t.port = port
	var ok bool
	if t.host, ok = parseHost(host); !ok {
		return target{}, false
	}
	path, tail := rest, ""
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		path, tail = rest[:i], rest[i:]
	}
	t.rest = escapeURL(strings.ReplaceAll(path, `\`, "/") + tail)
	if !strings.HasPrefix(t.rest, "/") {
		t.rest = "/" + t.rest
	}
	return t, t.parseable()
}

// parseHost returns a host in ASCII. Besides names and addresses it takes names with underscores, which exist.
func parseHost(s string) (string, bool) {
	if v6, ok := strings.CutPrefix(s, "["); ok {
		ip, err := netip.ParseAddr(strings.TrimSuffix(v6, "]"))
		return "[" + ip.String() + "]", err == nil && ip.Is6() && ip.Zone() == ""
	}
	if strings.Contains(s, "%") {
		u, err := url.PathUnescape(s)
		if err != nil {
			return "", false
		}
		s = u
	}
	if !isASCII(s) {
		a, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return "", false
		}
		s = a
	}
	s = strings.ToLower(s)
	if s == "" || len(s) > 255 || strings.Trim(s, ".") == "" {
		return "", false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return "", false
		}
	}
	return s, true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// escapeURL escapes what may not stand in a URL, and percent signs that escape nothing.
func escapeURL(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		bad := c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 ||
			c == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]))
		switch {
		case bad:
			if b == nil {
				b = append(make([]byte, 0, len(s)+16), s[:i]...)
			}
			const digits = "0123456789ABCDEF"
			b = append(b, '%', digits[c>>4], digits[c&15])
		case b != nil:
			b = append(b, c)
		}
	}
	if b == nil {
		return s
	}
	return string(b)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// parseable reports whether package net/url reads the URL too: two opinions on what it is are needed for it to pass.
func (t target) parseable() bool {
	u, err := url.Parse(t.String())
	return err == nil && strings.EqualFold(u.Scheme, t.scheme) && (t.host == "" || u.Hostname() == strings.Trim(t.host, "[]"))
}

func (t target) isWeb() bool { return t.scheme == "http" || t.scheme == "https" }

// String returns the URL in its canonical form.
func (t target) String() string {
	switch {
	case t.scheme == "":
		return t.rest
	case !t.isWeb():
		return t.scheme + ":" + t.rest
	case t.port != "":
		return t.scheme + "://" + t.host + ":" + t.port + t.rest
	}
	return t.scheme + "://" + t.host + t.rest
}

// dataImage returns a data URL of an image in canonical form, if it is of a type that cannot hold scripts or
// references, in base64 and within max bytes. SVG is not.
func (t target) dataImage(max int) (string, bool) {
	if t.scheme != "data" || len(t.rest) > max/3*4+64 {
		return "", false
	}
	head, data, ok := strings.Cut(t.rest, ",")
	if !ok {
		return "", false
	}
	params := strings.Split(strings.ToLower(head), ";")
	if strings.TrimSpace(params[len(params)-1]) != "base64" {
		return "", false
	}
	typ := strings.TrimSpace(params[0])
	switch typ {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif":
	case "image/jpg", "image/pjpeg":
		typ = "image/jpeg"
	default:
		return "", false
	}
	if strings.ContainsAny(data, "% ") {
		u, err := url.PathUnescape(data)
		if err != nil {
			return "", false
		}
		data = strings.Map(func(r rune) rune {
			if r <= ' ' {
				return -1
			}
			return r
		}, u)
	}
	data = strings.TrimRight(data, "=")
	if data == "" || len(data)%4 == 1 {
		return "", false
	}
	for i := range len(data) {
		switch c := data[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '+', c == '/':
		default:
			return "", false
		}
	}
	return "data:" + typ + ";base64," + data + "==="[:(4-len(data)%4)%4], true
}
