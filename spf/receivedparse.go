package spf

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

const (
	maxField        = 1 << 16 // Length in bytes of a longer field than which none is parsed.
	maxCommentDepth = 20
)

// ParseReceived parses the value of a Received-SPF field: what is after its colon,
// folded or not (RFC 7208 §9.1). It also takes values that are neither dot-atom nor
// quoted string but have no space, as the examples of the RFC have. Errors wrap
// [ErrSyntax].
//
// Anyone can write such a field. Only those above the Received field of a trusted
// host mean something (RFC 7208 §11.5.1).
func ParseReceived(value string) (Received, error) {
	if len(value) > maxField {
		return Received{}, fmt.Errorf("%w: field longer than %d bytes", ErrSyntax, maxField)
	}
	p := receivedParser{s: value}
	r, err := p.parse()
	if err != nil {
		return Received{}, fmt.Errorf("%w in Received-SPF: %w", ErrSyntax, err)
	}
	return r, nil
}

// receivedParser reads through the value of a field.
type receivedParser struct {
	s       string // What is left.
	comment string // The last comment that was skipped.
}

func (p *receivedParser) parse() (Received, error) {
	var r Received
	if err := p.skip(); err != nil {
		return r, err
	}
	r.Status = Status(strings.ToLower(p.token()))
	if !r.Status.known() {
		return r, errors.New("unknown result")
	}
	p.comment = ""
	if err := p.skip(); err != nil {
		return r, err
	}
	r.Comment = p.comment
	seen := map[string]bool{}
	for p.s != "" {
		if err := p.pair(&r, seen); err != nil {
			return r, err
		}
		if err := p.skip(); err != nil {
			return r, err
		}
		if p.s != "" && !p.take(';') {
			return r, errors.New("no semicolon between pairs")
		}
		if err := p.skip(); err != nil {
			return r, err
		}
	}
	return r, nil
}

// pair reads a key with its value. A key that has a field in Received must not be
// there twice: readers would disagree about which counts.
func (p *receivedParser) pair(r *Received, seen map[string]bool) error {
	key := p.token()
	if !isKey(key) {
		return errors.New("pair without key")
	}
	if err := p.skip(); err != nil {
		return err
	}
	if !p.take('=') {
		return errors.New("key without value")
	}
	if err := p.skip(); err != nil {
		return err
	}
	value, err := p.value()
	if err != nil {
		return err
	}
	key = strings.ToLower(key)
	field := r.field(key)
	if field == nil && key != "client-ip" {
		r.Others = append(r.Others, KeyValue{key, value})
		return nil
	}
	if seen[key] {
		return fmt.Errorf("key %q is there twice", key)
	}
	seen[key] = true
	if field != nil {
		*field = value
		return nil
	}
	r.ClientIP, err = netip.ParseAddr(value)
	if err != nil || r.ClientIP.Zone() != "" {
		return errors.New("client-ip is no address")
	}
	return nil
}

// field returns where the value of a key goes, or nil for client-ip and unknown ones.
func (r *Received) field(key string) *string {
	switch key {
	case "receiver":
		return &r.Receiver
	case "identity":
		return (*string)(&r.Identity)
	case "envelope-from":
		return &r.EnvelopeFrom
	case "helo":
		return &r.HELO
	case "mechanism":
		return &r.Mechanism
	case "problem":
		return &r.Problem
	}
	return nil
}

// take reads c if it is next.
func (p *receivedParser) take(c byte) bool {
	if p.s == "" || p.s[0] != c {
		return false
	}
	p.s = p.s[1:]
	return true
}

// token reads letters, digits and what a key can have besides.
func (p *receivedParser) token() string {
	n := 0
	for n < len(p.s) && (isAlnum(p.s[n]) || strings.IndexByte("-_.", p.s[n]) >= 0) {
		n++
	}
	s := p.s[:n]
	p.s = p.s[n:]
	return s
}

// value reads a quoted string, or characters until one that cannot be in a value.
func (p *receivedParser) value() (string, error) {
	if p.take('"') {
		return p.quoted()
	}
	n := strings.IndexAny(p.s, "; \t\r\n()\"\\<>")
	if n < 0 {
		n = len(p.s)
	}
	s := p.s[:n]
	p.s = p.s[n:]
	if s == "" || !isText(s) {
		return "", errors.New("no value")
	}
	return s, nil
}

// quoted reads the rest of a quoted string.
func (p *receivedParser) quoted() (string, error) {
	var b []byte
	for p.s != "" {
		switch c := p.s[0]; c {
		case '"':
			p.s = p.s[1:]
			if !isText(string(b)) {
				return "", errors.New("control character in quoted string")
			}
			return string(b), nil
		case '\\':
			if len(p.s) < 2 {
				return "", errors.New("quoted string without end")
			}
			b = append(b, p.s[1])
			p.s = p.s[2:]
		case '\r', '\n':
			if err := p.fold(); err != nil {
				return "", err
			}
		default:
			b = append(b, c)
			p.s = p.s[1:]
		}
	}
	return "", errors.New("quoted string without end")
}

// fold reads a line end, which a space or tab must follow, unless the field ends.
func (p *receivedParser) fold() error {
	s := strings.TrimPrefix(p.s, "\r")
	s, ok := strings.CutPrefix(s, "\n")
	if !ok || s != "" && s[0] != ' ' && s[0] != '\t' {
		return errors.New("line end without folding")
	}
	p.s = s
	return nil
}

// skip reads over space, line ends and comments.
func (p *receivedParser) skip() error {
	for p.s != "" {
		switch p.s[0] {
		case ' ', '\t':
			p.s = p.s[1:]
		case '\r', '\n':
			if err := p.fold(); err != nil {
				return err
			}
		case '(':
			if err := p.skipComment(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// skipComment reads a comment, with those inside, and keeps the text of the first one
// of several in a row. Runs of white space in it become a space.
func (p *receivedParser) skipComment() error {
	var b []byte
	depth := 0
	for p.s != "" {
		c := p.s[0]
		switch {
		case c == '\r' || c == '\n':
			if err := p.fold(); err != nil {
				return err
			}
			continue
		case c == '\\' && len(p.s) > 1:
			p.s = p.s[1:]
			c = p.s[0]
		case c == '(':
			if depth++; depth > maxCommentDepth {
				return errors.New("comments too deep")
			}
		case c == ')':
			depth--
		}
		b = append(b, c)
		p.s = p.s[1:]
		if depth == 0 {
			text := strings.Join(strings.FieldsFunc(string(b[1:len(b)-1]), isSpace), " ")
			if !isText(text) {
				return errors.New("control character in comment")
			}
			if p.comment == "" {
				p.comment = text
			}
			return nil
		}
	}
	return errors.New("comment without end")
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' }

// isText tells whether s has no control characters but tabs.
func isText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
