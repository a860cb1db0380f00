package htmlmail

import (
	"strings"
	"unicode/utf8"
)

// cssKind is a kind of token of CSS Syntax Module Level 3 §4.
type cssKind uint8

const (
	cssEOF cssKind = iota
	cssIdent
	cssFunction // With its parenthesis.
	cssAt
	cssHash
	cssString
	cssURL
	cssBad // A string or URL that did not end well.
	cssNumber
	cssPercentage
	cssDimension
	cssSpace // White space. Comments are too, so that what they part does not grow together.
	cssDelim // A character that is no other token, also one of :;,[](){}.
)

// cssToken is a token with escapes resolved.
type cssToken struct {
	kind cssKind
	text string // Name, content of a string or URL, number as it was written.
	unit string // Of a dimension.
	char byte   // Of a delimiter, 0 if it is not ASCII.
}

// cssLexer reads the tokens of a style sheet.
type cssLexer struct {
	s string
	i int
}

func (l *cssLexer) peek(n int) byte {
	if l.i+n < len(l.s) {
		return l.s[l.i+n]
	}
	return 0
}

func isCSSSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameStart(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c >= 0x80 }

func isName(c byte) bool { return isNameStart(c) || isDigit(c) || c == '-' }

// isEscape reports whether a valid escape begins n bytes further (§4.3.8).
func (l *cssLexer) isEscape(n int) bool {
	return l.peek(n) == '\\' && l.i+n+1 < len(l.s) && l.s[l.i+n+1] != '\n' && l.s[l.i+n+1] != '\r' && l.s[l.i+n+1] != '\f'
}

// startsIdent is "would start an ident sequence" (§4.3.9).
func (l *cssLexer) startsIdent(n int) bool {
	switch c := l.peek(n); {
	case c == '-':
		d := l.peek(n + 1)
		return isNameStart(d) || d == '-' || l.isEscape(n+1)
	case c == '\\':
		return l.isEscape(n)
	default:
		return isNameStart(c)
	}
}

func (l *cssLexer) startsNumber() bool {
	n := 0
	if c := l.peek(0); c == '+' || c == '-' {
		n = 1
	}
	return isDigit(l.peek(n)) || l.peek(n) == '.' && isDigit(l.peek(n+1))
}

// next reads a token (§4.3.1).
func (l *cssLexer) next() cssToken {
	if l.i >= len(l.s) {
		return cssToken{}
	}
	c := l.s[l.i]
	switch {
	case isCSSSpace(c):
		for l.i < len(l.s) && isCSSSpace(l.s[l.i]) {
			l.i++
		}
		return cssToken{kind: cssSpace}
	case c == '/' && l.peek(1) == '*':
		if end := strings.Index(l.s[l.i+2:], "*/"); end >= 0 {
			l.i += end + 4
		} else {
			l.i = len(l.s)
		}
		return cssToken{kind: cssSpace}
	case c == '"' || c == '\'':
		l.i++
		return l.str(c)
	case l.startsNumber():
		return l.number()
	case l.startsIdent(0):
		return l.identLike()
	case c == '@' && l.startsIdent(1):
		l.i++
		return cssToken{kind: cssAt, text: l.name()}
	case c == '#' && (isName(l.peek(1)) || l.isEscape(1)):
		l.i++
		return cssToken{kind: cssHash, text: l.name()}
	case strings.HasPrefix(l.s[l.i:], "<!--"):
		l.i += 4
		return cssToken{kind: cssSpace}
	case strings.HasPrefix(l.s[l.i:], "-->"):
		l.i += 3
		return cssToken{kind: cssSpace}
	}
	l.i++
	return cssToken{kind: cssDelim, char: c}
}

// name reads an ident sequence (§4.3.11).
func (l *cssLexer) name() string {
	start := l.i
	for l.i < len(l.s) && isName(l.s[l.i]) {
		l.i++
	}
	if !l.isEscape(0) {
		return l.s[start:l.i]
	}
	b := []byte(l.s[start:l.i])
	for l.i < len(l.s) {
		switch {
		case isName(l.s[l.i]):
			b = append(b, l.s[l.i])
			l.i++
		case l.isEscape(0):
			l.i++
			b = utf8.AppendRune(b, l.escape())
		default:
			return string(b)
		}
	}
	return string(b)
}

// escape reads what follows a backslash (§4.3.7).
func (l *cssLexer) escape() rune {
	n, r := 0, rune(0)
	for n < 6 && isHex(l.peek(n)) {
		c := l.s[l.i+n]
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		default:
			r = r<<4 | rune(c|0x20-'a'+10)
		}
		n++
	}
	if n == 0 {
		r, size := utf8.DecodeRuneInString(l.s[l.i:])
		l.i += size
		return r
	}
	l.i += n
	if l.i < len(l.s) && isCSSSpace(l.s[l.i]) {
		if l.s[l.i] == '\r' && l.peek(1) == '\n' {
			l.i++
		}
		l.i++
	}
	if r == 0 || !utf8.ValidRune(r) {
		return utf8.RuneError
	}
	return r
}

// str reads a string up to its closing quote (§4.3.5).
func (l *cssLexer) str(quote byte) cssToken {
	var b []byte
	for l.i < len(l.s) {
		c := l.s[l.i]
		switch {
		case c == quote:
			l.i++
			return cssToken{kind: cssString, text: string(b)}
		case c == '\n' || c == '\r' || c == '\f':
			return cssToken{kind: cssBad}
		case c == '\\' && l.i+1 >= len(l.s):
			l.i++
		case c == '\\' && !l.isEscape(0): // A line that goes on.
			l.i += 2
			if c = l.s[l.i-1]; c == '\r' && l.peek(0) == '\n' {
				l.i++
			}
		case c == '\\':
			l.i++
			b = utf8.AppendRune(b, l.escape())
		default:
			b = append(b, c)
			l.i++
		}
	}
	return cssToken{kind: cssString, text: string(b)}
}

func (l *cssLexer) number() cssToken {
	start := l.i
	if c := l.s[l.i]; c == '+' || c == '-' {
		l.i++
	}
	digits := func() {
		for isDigit(l.peek(0)) {
			l.i++
		}
	}
	digits()
	if l.peek(0) == '.' && isDigit(l.peek(1)) {
		l.i++
		digits()
	}
	if c := l.peek(0); c == 'e' || c == 'E' {
		switch d := l.peek(1); {
		case isDigit(d):
			l.i++
			digits()
		case (d == '+' || d == '-') && isDigit(l.peek(2)):
			l.i += 2
			digits()
		}
	}
	t := cssToken{kind: cssNumber, text: l.s[start:l.i]}
	switch {
	case l.startsIdent(0):
		t.kind, t.unit = cssDimension, l.name()
	case l.peek(0) == '%':
		l.i++
		t.kind = cssPercentage
	}
	return t
}

// identLike reads a name, function or URL (§4.3.4).
func (l *cssLexer) identLike() cssToken {
	name := l.name()
	if l.peek(0) != '(' {
		return cssToken{kind: cssIdent, text: name}
	}
	l.i++
	if !strings.EqualFold(name, "url") {
		return cssToken{kind: cssFunction, text: name}
	}
	for isCSSSpace(l.peek(0)) {
		l.i++
	}
	if c := l.peek(0); c == '"' || c == '\'' {
		return cssToken{kind: cssFunction, text: name}
	}
	return l.url()
}

// url reads a URL without quotes (§4.3.6).
func (l *cssLexer) url() cssToken {
	var b []byte
	for l.i < len(l.s) {
		c := l.s[l.i]
		switch {
		case c == ')':
			l.i++
			return cssToken{kind: cssURL, text: string(b)}
		case isCSSSpace(c):
			for isCSSSpace(l.peek(0)) {
				l.i++
			}
			if l.i >= len(l.s) {
				return cssToken{kind: cssURL, text: string(b)}
			}
			if l.s[l.i] != ')' {
				return l.badURL()
			}
		case c == '"' || c == '\'' || c == '(' || c < ' ' || c == 0x7f || c == '\\' && !l.isEscape(0):
			return l.badURL()
		case c == '\\':
			l.i++
			b = utf8.AppendRune(b, l.escape())
		default:
			b = append(b, c)
			l.i++
		}
	}
	return cssToken{kind: cssURL, text: string(b)}
}

// badURL skips the remnants of a URL (§4.3.14).
func (l *cssLexer) badURL() cssToken {
	for l.i < len(l.s) {
		switch {
		case l.s[l.i] == ')':
			l.i++
			return cssToken{kind: cssBad}
		case l.isEscape(0):
			l.i++
			l.escape()
		default:
			l.i++
		}
	}
	return cssToken{kind: cssBad}
}

// appendIdent appends a name, escaping what no name has. The plain characters are few on purpose: other
// programs than browsers may read the result.
func appendIdent(b []byte, name string) []byte {
	for i, r := range name {
		switch {
		case r >= 0xa0, 'a' <= r|0x20 && r|0x20 <= 'z', r == '_', r == '-' && len(name) > 1, '0' <= r && r <= '9' && i > 0 && (i > 1 || name[0] != '-'):
			b = utf8.AppendRune(b, r)
		default:
			b = appendEscape(b, r)
		}
	}
	return b
}

// appendString appends a string in double quotes.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r < ' ' || r == 0x7f || r == '"' || r == '\\' || r == '<' || r == '>' || r == '&' || r == '\'' || r == '{' || r == '}' || r == ';':
			b = appendEscape(b, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

func appendEscape(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '\\')
	if r > 0xfff {
		r = utf8.RuneError
		b = append(b, digits[r>>12])
	}
	if r > 0xff {
		b = append(b, digits[r>>8&15])
	}
	return append(b, digits[r>>4&15], digits[r&15], ' ')
}
