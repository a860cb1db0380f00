package static

import (
	"net/url"
	"runtime"
	"strings"
	"unicode/utf8"
)

// Limits of file systems; longer names cannot exist.
const (
	maxPath    = 4096
	maxSegment = 255
)

// wellKnown is the one name with a dot that is served without being asked for, as the
// first of a path: RFC 8615 §3.
const wellKnown = ".well-known"

// verdict is what a path may be used for.
type verdict uint8

const (
	pathOK        verdict = iota
	pathMalformed         // No name of a file can be meant.
	pathAbsent            // Not below our prefix, or a name that is not served.
)

// location is what a path of a request names below Root.
type location struct {
	name  string // Slash-separated, without a slash at either end; "." is Root.
	slash bool   // The path ended in a slash: a directory is meant.
}

// pathRules tells how paths are read.
type pathRules struct {
	prefix  string // Stripped; without a slash at its end.
	hidden  bool   // Names that begin with a dot are served.
	windows bool   // Names are Windows'.
}

// onWindows tells whether the rules of Windows for names hold.
const onWindows = runtime.GOOS == "windows"

// locate reads the path of a URL. It is decoded already, once; nothing here decodes
// again, so "%252e" is the name "%2e". Nothing is normalised either: browsers remove dot
// segments before they ask, so what still has them, or an empty segment, is refused, as
// are the ways to write a separator that another layer might understand.
func (rules pathRules) locate(u *url.URL) (location, verdict) {
	p := u.Path
	if p == "" && rules.prefix == "" {
		p = "/" // "GET http://host HTTP/1.1", RFC 9112 §3.2.2.
	}
	if u.Opaque != "" || p == "" || p[0] != '/' || hasEncodedSlash(u.RawPath) || !cleanText(p) {
		return location{}, pathMalformed
	}
	if len(p) > maxPath {
		return location{}, pathAbsent
	}
	rest, ok := strings.CutPrefix(p, rules.prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return location{}, pathAbsent
	}
	if rest == "" || rest == "/" {
		return location{".", rest == "/"}, pathOK
	}
	loc := location{name: rest[1:]}
	loc.name, loc.slash = strings.CutSuffix(loc.name, "/")
	return loc, rules.checkSegments(loc.name)
}

func (rules pathRules) checkSegments(name string) verdict {
	for i := 0; ; i++ {
		segment, rest, more := strings.Cut(name, "/")
		switch {
		case segment == "" || segment == "." || segment == "..":
			return pathMalformed
		case len(segment) > maxSegment:
			return pathAbsent
		case segment[0] == '.' && !rules.hidden && !(i == 0 && segment == wellKnown):
			return pathAbsent
		case rules.windows && windowsAlias(segment):
			return pathAbsent
		}
		if !more {
			return pathOK
		}
		name = rest
	}
}

// hasEncodedSlash tells whether an encoded path has a separator that is not one:
// "a%2fb" is a name with a slash in it, which no file has.
func hasEncodedSlash(raw string) bool {
	for i := 0; i+2 < len(raw); i++ {
		if raw[i] == '%' && (raw[i+1] == '2' && raw[i+2]|0x20 == 'f' || raw[i+1] == '5' && raw[i+2]|0x20 == 'c') {
			return true
		}
	}
	return false
}

// cleanText tells whether p is UTF-8 in its shortest form, without control characters and
// backslashes.
func cleanText(p string) bool {
	ascii := true
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c < 0x20 || c == 0x7f || c == '\\' {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(p)
}

// windowsAlias tells whether Windows takes a name for something else: a device, a stream
// of a file, another name without its trailing dots and spaces, a short name.
func windowsAlias(name string) bool {
	if strings.ContainsAny(name, `:<>"|?*`) || strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") {
		return true
	}
	if i := strings.IndexByte(name, '~'); i >= 0 && i+1 < len(name) && name[i+1] >= '0' && name[i+1] <= '9' {
		return true
	}
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	for _, port := range [...]string{"COM", "LPT"} {
		if digit, ok := strings.CutPrefix(base, port); ok && utf8.RuneCountInString(digit) == 1 && strings.Contains("0123456789¹²³", digit) {
			return true
		}
	}
	return false
}
