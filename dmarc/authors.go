package dmarc

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"

	"mox/dns"
	"mox/message"
)

// Form is how the From field of a message looks.
type Form uint8

// The values of Form. If several apply it is the last of them.
const (
	// FormSingle: one From field with one address. All others are irregular to DMARC.
	FormSingle Form = iota

	// FormGroup: a group (RFC 6854), perhaps an empty one, and at most one address.
	FormGroup

	// FormSeveralAddresses: one From field with several addresses, which RFC 5322 §3.6.2
	// allows.
	FormSeveralAddresses

	// FormNoDomain: one From field with an address that has an address literal for a
	// domain, as in user@[192.0.2.1].
	FormNoDomain

	// FormMalformed: one From field of which some is not an address list of RFC 5322 §3.4, so
	// that programs may differ in what they show of it.
	FormMalformed

	// FormSeveralFields: several From fields, which RFC 5322 §3.6 forbids.
	FormSeveralFields

	// FormMissing: no From field, which RFC 5322 §3.6 forbids.
	FormMissing
)

// String returns a token for logs and metrics.
func (f Form) String() string {
	switch f {
	case FormSingle:
		return "single"
	case FormGroup:
		return "group"
	case FormSeveralAddresses:
		return "severaladdresses"
	case FormNoDomain:
		return "nodomain"
	case FormMalformed:
		return "malformed"
	case FormSeveralFields:
		return "severalfields"
	case FormMissing:
		return "missing"
	}
	return "unknown"
}

// Limits of what is looked at. Each different domain costs lookups in DNS.
const (
	maxAuthorDomains = 10
	maxAuthors       = 1000
	maxFrom          = 64 * 1024 // Bytes of a field.
)

// Authors is what a header says about who wrote the message.
type Authors struct {
	Form Form

	// Domains are those of all addresses of all From fields, each once, in order, at most 10:
	// the author domains. In a field that is not well-formed these are all that some program
	// might take for the domain of an author.
	Domains []dns.Domain

	// TooMany is set if there were more domains, more than 1000 addresses, or a field of more than
	// 64 kB, so that not all was looked at.
	TooMany bool
}

// Invalid tells whether there is no telling who wrote the message, for a reason that does not come
// from DNS: there is no From field, or several, or one that is malformed and has no address in it,
// or there is too much in it. Such mail is rejected usually (RFC 7489 §6.6.1), whether or not
// there is a policy for a domain in it.
func (a Authors) Invalid() bool {
	switch a.Form {
	case FormMissing, FormSeveralFields:
		return true
	case FormMalformed:
		return a.TooMany || len(a.Domains) == 0
	}
	return a.TooMany
}

// ParseAuthors reads the author domains (RFC 7489 §6.6.1) from a header, a raw one with its
// fields in any form in which they can come over SMTP. It never fails; it takes time in
// proportion to the length of the header, and little memory.
func ParseAuthors(header []byte) Authors {
	var p authors
	for f := range message.Fields(header) {
		if isFrom(f) {
			p.field(f)
		}
	}
	return p.result()
}

// isFrom tells whether a field is a From field, or a line that could be taken for one by a
// program that passes over bytes in a field name which must not be there.
func isFrom(f message.Field) bool {
	if f.Name != nil {
		return f.Is("From")
	}
	name, _, ok := bytes.Cut(f.Raw, []byte(":"))
	if !ok {
		return false
	}
	letters := make([]byte, 0, len("from"))
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			continue
		}
		if len(letters) == len("from") {
			return false
		}
		letters = append(letters, c)
	}
	return bytes.EqualFold(letters, []byte("from"))
}

// authors collects what From fields say.
type authors struct {
	fields    int
	addresses int
	groups    int
	literals  int
	malformed bool
	parsed    int // Domains parsed.
	domains   []dns.Domain
	tooMany   bool
}

// field takes a From field: the addresses that it has, and in case that others read it in another way,
// all that looks like a domain of an address in it.
func (p *authors) field(f message.Field) {
	p.fields++
	value := f.Value
	if f.Name == nil {
		_, value, _ = bytes.Cut(f.Raw, []byte(":"))
		p.malformed = true
	}
	if len(value) > maxFrom {
		value, p.tooMany, p.malformed = value[:maxFrom], true, true
	}
	list, ok := message.ParseAddresses(value)
	if !ok {
		p.malformed = true
	}
	for _, a := range list {
		p.address(a)
	}
	rest, balanced := outside(value, ' ')
	if !balanced {
		// What is quoted and what is not is a matter of taste.
		p.malformed = true
		p.claims(string(value))
	}
	p.claims(rest)
	if bytes.IndexByte(value, '(') >= 0 {
		// A comment in a domain is nothing to some, and the end of it to others.
		rest, _ = outside(value, 0)
		p.claims(rest)
	}
}

// address takes an element of an address list.
func (p *authors) address(a message.Address) {
	switch {
	case a.Kind == message.GroupStart:
		p.groups++
		return
	case a.Kind == message.GroupEnd:
		return
	case a.Host == "":
		// No address, but one may show when it is decoded.
		p.malformed = true
		p.claims(message.DecodeText([]byte(a.RawName)))
		p.claims(message.DecodeText([]byte(a.User)))
		return
	}
	p.addresses++
	if isAddressLiteral(a.Host) {
		p.literals++
		return
	}
	if a.User == "" || strings.HasSuffix(a.Host, ".") || !p.domain(a.Host) {
		p.malformed = true
	}
}

// isAddressLiteral tells whether s is an address literal of RFC 5321 §4.1.3. Other domain literals
// could have a domain in them.
func isAddressLiteral(s string) bool {
	s, open := strings.CutPrefix(s, "[")
	s, closed := strings.CutSuffix(s, "]")
	if !open || !closed {
		return false
	}
	if len(s) > len("IPv6:") && strings.EqualFold(s[:len("IPv6:")], "IPv6:") {
		s = s[len("IPv6:"):]
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

// domain takes a domain, and returns false if it is none.
func (p *authors) domain(s string) bool {
	if p.parsed++; p.parsed > 2*maxAuthors {
		// Each address is seen as such, and again in the text.
		p.tooMany = true
		return false
	}
	d, err := dns.ParseDomainLax(s)
	switch {
	case err != nil:
		return false
	case slices.Contains(p.domains, d):
	case len(p.domains) == maxAuthorDomains:
		p.tooMany = true
	default:
		p.domains = append(p.domains, d)
	}
	return true
}

// claims takes the domains of more than one label that follow an "@" in s and have not been found yet,
// which makes the field malformed.
func (p *authors) claims(s string) {
	for p.parsed <= 2*maxAuthors {
		_, after, ok := strings.Cut(s, "@")
		if !ok {
			return
		}
		s = after
		n := strings.IndexFunc(s, func(r rune) bool { return r < 0x80 && !isDomainByte(byte(r)) })
		if n < 0 {
			n = len(s)
		}
		claim := strings.TrimRight(s[:n], ".")
		if n > maxClaim || !hasDot(claim) {
			continue
		}
		if before := len(p.domains); p.domain(claim) && len(p.domains) > before {
			p.malformed = true
		}
	}
}

// hasDot tells whether s has a dot or what could be one after IDNA mapping.
func hasDot(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r == '.' || r >= 0x80 }) >= 0
}

// maxClaim is how long the text of a domain can be, in UTF-8.
const maxClaim = 4 * 253

func isDomainByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_'
}

// outside returns the text outside of quoted strings and comments (RFC 5322 §3.2.2 and §3.2.4), also
// without line ends and NUL, and white space around dots and "@", and false if one of
// them does not end. A comment counts as white space, or with a comment of 0 as nothing.
func outside(value []byte, comment byte) (string, bool) {
	b := make([]byte, 0, len(value))
	space := false
	for i := 0; i < len(value); {
		switch c := value[i]; c {
		case '"', '(':
			n := skip(value[i:])
			if n == 0 {
				return string(append(b, value[i:]...)), false
			}
			i += n
			space = space || c == '"' || comment != 0
			continue
		case ' ', '\t', '\r', '\n', 0:
			space = true
		default:
			glue := c == '.' || c == '@' || len(b) > 0 && (b[len(b)-1] == '.' || b[len(b)-1] == '@')
			if space && !glue && len(b) > 0 {
				b = append(b, ' ')
			}
			space = false
			b = append(b, c)
		}
		i++
	}
	return string(b), true
}

// skip returns the length of the quoted string or comment that b begins with, or 0 if it does not
// end.
func skip(b []byte) int {
	depth := 0
	quoted := b[0] == '"'
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\\':
			i++
		case quoted && c == '"' && i > 0:
			return i + 1
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// result comes to a Form.
func (p *authors) result() Authors {
	a := Authors{Domains: p.domains, TooMany: p.tooMany}
	switch {
	case p.fields == 0:
		a.Form = FormMissing
	case p.fields > 1:
		a.Form = FormSeveralFields
	case p.malformed, p.addresses == 0 && p.groups == 0:
		a.Form = FormMalformed
	case p.literals > 0 && len(p.domains) == 0:
		a.Form = FormNoDomain
	case p.addresses > 1:
		a.Form = FormSeveralAddresses
	case p.groups > 0:
		a.Form = FormGroup
	}
	return a
}
