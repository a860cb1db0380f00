package authres

import (
	"fmt"
	"strings"
)

// Limits of Parse.
const (
	maxValue   = 64 << 10 // Octets of a field's value.
	maxMethods = 500
	maxProps   = 100 // Per method.
	maxDigits  = 6   // Of a version.
)

// Parse parses the value of a field: what follows the colon, folded or not. Comments are left out,
// wherever they stand.
//
// Beyond the grammar of RFC 8601 §2.2 it takes values of properties that should be quoted, such as
// header.b=ab/c (Gmail) and smtp.remote-ip=2001:db8::1, a property without a type, as in action=none
// (Microsoft), and empty results, as a semicolon at the end makes them (Amazon SES).
//
// Errors wrap [ErrSyntax], or [ErrVersion], with which AuthservID and Version are returned. A value
// of more than 64 KiB, 500 methods, or 100 properties of one method is a syntax error.
func Parse(value []byte) (Results, error) {
	if len(value) > maxValue {
		return Results{}, fmt.Errorf("%w: more than %d octets", ErrSyntax, maxValue)
	}
	p := parser{s: string(value)}
	r, err := p.head()
	if err != nil {
		return Results{}, err
	}
	if r.Version != 0 && r.Version != Version {
		return r, fmt.Errorf("%w: %d", ErrVersion, r.Version)
	}
	if r.Methods, err = p.methods(); err != nil {
		return Results{}, err
	}
	return r, nil
}

// parser goes through a value once.
type parser struct {
	s   string
	pos int
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("%w: at octet %d: %s", ErrSyntax, p.pos, fmt.Sprintf(format, args...))
}

// peek returns the next byte, and 0 at the end.
func (p *parser) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func (p *parser) atEnd() bool { return p.pos == len(p.s) }

// take takes c if it is next, and white space and comments on both sides.
func (p *parser) take(c byte) (bool, error) {
	if err := p.cfws(); err != nil || p.peek() != c {
		return false, err
	}
	p.pos++
	return true, p.cfws()
}

// cfws takes white space and comments (RFC 5322 §3.2.2).
func (p *parser) cfws() error {
	for p.pos < len(p.s) {
		switch p.s[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		case '(':
			if err := p.comment(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// comment takes a comment with those in it.
func (p *parser) comment() error {
	depth := 0
	for ; p.pos < len(p.s); p.pos++ {
		switch p.s[p.pos] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.pos++
				return nil
			}
		case '\\':
			p.pos++
		}
	}
	p.pos = len(p.s)
	return p.errorf("comment does not end")
}

// head parses the authserv-id and the version.
func (p *parser) head() (r Results, err error) {
	if err := p.cfws(); err != nil {
		return r, err
	}
	if p.peek() == '"' {
		r.AuthservID, err = p.quoted()
	} else {
		r.AuthservID, err = p.token()
	}
	if err != nil {
		return r, err
	}
	start := p.pos
	if err := p.cfws(); err != nil {
		return r, err
	}
	if c := p.peek(); p.pos > start && '0' <= c && c <= '9' {
		if r.Version, err = p.version(); err != nil {
			return r, err
		}
		err = p.cfws()
	}
	if err == nil && p.peek() != ';' {
		err = p.errorf("no semicolon after authserv-id")
	}
	return r, err
}

// methods parses the results, or "none".
func (p *parser) methods() ([]Result, error) {
	var l []Result
	none := false
	for {
		if semicolon, err := p.take(';'); err != nil {
			return nil, err
		} else if !semicolon {
			break
		}
		if p.atEnd() || p.peek() == ';' {
			continue
		}
		m, isNone, err := p.method()
		switch {
		case err != nil:
			return nil, err
		case none || isNone && len(l) > 0:
			return nil, p.errorf("none beside results")
		case isNone:
			none = true
		case len(l) == maxMethods:
			return nil, p.errorf("more than %d results", maxMethods)
		default:
			l = append(l, m)
		}
	}
	if !p.atEnd() {
		return nil, p.errorf("unexpected %q", p.peek())
	}
	if len(l) == 0 && !none {
		return nil, p.errorf("no results")
	}
	return l, nil
}

// method parses one result, or "none".
func (p *parser) method() (r Result, none bool, err error) {
	if r.Method, err = p.keyword(); err != nil {
		return r, false, err
	}
	if slash, err := p.take('/'); err != nil {
		return r, false, err
	} else if slash {
		if r.Version, err = p.version(); err != nil {
			return r, false, err
		}
	}
	if equals, err := p.take('='); err != nil {
		return r, false, err
	} else if !equals {
		if r.Method == "none" && r.Version == 0 {
			return r, true, nil
		}
		return r, false, p.errorf("method without result")
	}
	if r.Result, err = p.keyword(); err != nil {
		return r, false, err
	}
	return r, false, p.props(&r)
}

// props parses what follows a result until a semicolon or the end.
func (p *parser) props(r *Result) error {
	for {
		before := p.pos
		if err := p.cfws(); err != nil {
			return err
		}
		if p.atEnd() || p.peek() == ';' {
			return nil
		}
		if p.pos == before {
			return p.errorf("unexpected %q", p.peek())
		}
		prop, err := p.prop()
		switch {
		case err != nil:
			return err
		case prop.Type == "" && prop.Property == "reason":
			if r.Reason == "" {
				r.Reason = prop.Value
			}
		case len(r.Props) == maxProps:
			return p.errorf("more than %d properties", maxProps)
		default:
			r.Props = append(r.Props, prop)
		}
	}
}

// prop parses a property, or a reason, which looks like one without a type.
func (p *parser) prop() (prop Prop, err error) {
	if prop.Property, err = p.keyword(); err != nil {
		return prop, err
	}
	if dot, err := p.take('.'); err != nil {
		return prop, err
	} else if dot {
		prop.Type = prop.Property
		if prop.Property, err = p.keyword(); err != nil {
			return prop, err
		}
	}
	if equals, err := p.take('='); err != nil {
		return prop, err
	} else if !equals {
		return prop, p.errorf("property without value")
	}
	prop.Value, err = p.value()
	return prop, err
}

// value parses a value: a token, a quoted string, or an address or domain.
func (p *parser) value() (s string, err error) {
	quoted := p.peek() == '"'
	if quoted {
		s, err = p.quoted()
	} else {
		s, err = p.run()
	}
	if err != nil {
		return "", err
	}
	// A localpart can be followed by a comment, which is none of its address.
	before := p.pos
	if err := p.cfws(); err != nil {
		return "", err
	}
	if p.peek() != '@' {
		p.pos = before
		return s, nil
	}
	domain, err := p.run()
	if err != nil {
		return "", err
	}
	if quoted {
		return string(appendQuoted(nil, s)) + domain, nil
	}
	return s + domain, nil
}

// run takes text without white space, comments, semicolons and quotes, perhaps none.
func (p *parser) run() (string, error) {
	start := p.pos
	for ; p.pos < len(p.s); p.pos++ {
		switch c := p.s[p.pos]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '(':
			return p.s[start:p.pos], nil
		case c < ' ' || c == 0x7f || c == '"' || c == '\\' || c == ')':
			return "", p.errorf("unexpected %q", c)
		}
	}
	return p.s[start:], nil
}

// token takes a token, of which characters beyond ASCII may be part (RFC 8601 §2.5).
func (p *parser) token() (string, error) {
	start := p.pos
	for p.pos < len(p.s) && isTokenByte(p.s[p.pos]) {
		p.pos++
	}
	if p.pos == start {
		return "", p.errorf("token missing")
	}
	return p.s[start:p.pos], nil
}

// keyword takes a keyword and returns it in lower case.
func (p *parser) keyword() (string, error) {
	start := p.pos
	for p.pos < len(p.s) && isKeyword(p.s[p.pos]) {
		p.pos++
	}
	if p.pos == start || p.pos-start > maxKeyword {
		return "", p.errorf("keyword missing or too long")
	}
	return strings.ToLower(p.s[start:p.pos]), nil
}

// version takes a number.
func (p *parser) version() (int, error) {
	start, n := p.pos, 0
	for ; '0' <= p.peek() && p.peek() <= '9'; p.pos++ {
		if p.pos-start == maxDigits {
			return 0, p.errorf("version too long")
		}
		n = n*10 + int(p.peek()-'0')
	}
	if p.pos == start {
		return 0, p.errorf("version missing")
	}
	return n, nil
}

// quoted takes a quoted string (RFC 5322 §3.2.4) and returns its text.
func (p *parser) quoted() (string, error) {
	p.pos++
	start := p.pos
	var b []byte // Text before start, if it is not a piece of p.s.
	for ; p.pos < len(p.s); p.pos++ {
		switch c := p.s[p.pos]; {
		case c == '"':
			s := p.s[start:p.pos]
			p.pos++
			if b != nil {
				s = string(append(b, s...))
			}
			return s, nil
		case c == '\\' || c == '\r' || c == '\n':
			b = append(b, p.s[start:p.pos]...)
			if b == nil {
				b = []byte{}
			}
			start = p.pos + 1
			if c == '\\' {
				p.pos++
				if c := p.peek(); c < ' ' && c != '\t' || c == 0x7f {
					return "", p.errorf("unexpected %q", c)
				}
			}
		case c < ' ' && c != '\t', c == 0x7f:
			return "", p.errorf("unexpected %q", c)
		}
	}
	return "", p.errorf("quoted string does not end")
}
