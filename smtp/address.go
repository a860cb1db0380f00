package smtp

import (
	"strings"
	"unicode/utf8"

	"mox/dns"
)

// Localpart is the part of an address before the "@", decoded: without the quotes
// and backslashes of a quoted string, in NFC if it has UTF-8. Two spellings of one
// local part (RFC 5321 §4.1.2) are equal. Whether case matters is for the domain
// that owns it to say.
type Localpart string

// String returns the local part as written in an address: as it is if it is a
// dot-string, otherwise as a quoted string. It may have UTF-8.
func (l Localpart) String() string { return string(l.append(nil)) }

func (l Localpart) append(b []byte) []byte {
	if isDotString(string(l)) {
		return append(b, l...)
	}
	b = append(b, '"')
	for i := range len(l) {
		if l[i] == '"' || l[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, l[i])
	}
	return append(b, '"')
}

// IsInternational tells whether the local part has characters other than ASCII, so
// that it can only be sent to a server with SMTPUTF8 (RFC 6531 §3.4).
func (l Localpart) IsInternational() bool { return !isASCII(string(l)) }

// isDotString tells whether s is a Dot-string (RFC 5321 §4.1.2, with RFC 6531 §3.3).
func isDotString(s string) bool {
	if s == "" {
		return false
	}
	last := byte('.')
	for i := range len(s) {
		c := s[i]
		if c == '.' {
			if last == '.' {
				return false
			}
		} else if !isAtext(c) {
			return false
		}
		last = c
	}
	return last != '.'
}

// isAtext tells whether c may be in an atom (RFC 5322 §3.2.3, RFC 6531 §3.3). Bytes
// of UTF-8 may; that they are valid is checked for whole strings.
func isAtext(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c >= utf8.RuneSelf:
		return true
	}
	return strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Address is a mailbox at a domain, as users and configuration have them. Compare
// with ==. The zero Address is none.
type Address struct {
	Localpart Localpart
	Domain    dns.Domain
}

// IsZero tells whether a is no address.
func (a Address) IsZero() bool { return a == Address{} }

// String returns the address for people, with UTF-8 in local part and domain.
func (a Address) String() string { return a.Pack(true) }

// Pack returns the address as in a message or command: with the domain in Unicode
// if utf8 is set, otherwise in ASCII. A local part with UTF-8 stays as it is, see
// [Localpart.IsInternational].
func (a Address) Pack(utf8 bool) string {
	if a.IsZero() {
		return ""
	}
	return a.Localpart.String() + "@" + a.Domain.XName(utf8)
}

// LogString returns the address for a log, with both forms of its domain if they
// differ.
func (a Address) LogString() string {
	if a.IsZero() {
		return ""
	}
	return a.Localpart.String() + "@" + a.Domain.LogString()
}

// Path returns the address as a path.
func (a Address) Path() Path {
	return Path{Localpart: a.Localpart, IPDomain: dns.IPDomain{Domain: a.Domain}}
}

// Path is a forward-path or reverse-path of a message in transport (RFC 5321
// §4.1.2). Compare with ==. The zero Path is the null reverse-path "<>". A Path with
// a local part only is the postmaster of the server (RFC 5321 §4.5.1).
type Path struct {
	Localpart Localpart
	IPDomain  dns.IPDomain
}

// IsZero tells whether p is the null reverse-path.
func (p Path) IsZero() bool { return p == Path{} }

// String returns the path for people, with UTF-8, without angle brackets. It is
// empty for the null reverse-path.
func (p Path) String() string { return p.XString(true) }

// XString returns the path without angle brackets, with its domain in Unicode if
// utf8 is set, otherwise in ASCII. [ParsePath] is its inverse.
func (p Path) XString(utf8 bool) string {
	if p.IsZero() {
		return ""
	}
	s := p.Localpart.String()
	if !p.IPDomain.IsZero() {
		s += "@" + p.IPDomain.XString(utf8)
	}
	return s
}

// Pack returns the path as for MAIL, RCPT and Return-Path, with angle brackets and
// its domain in Unicode if utf8 is set, otherwise in ASCII.
func (p Path) Pack(utf8 bool) string { return "<" + p.XString(utf8) + ">" }

// LogString returns the path for a log, without angle brackets, with both forms of
// its domain if they differ.
func (p Path) LogString() string {
	if p.IPDomain.IsZero() {
		return p.XString(true)
	}
	return p.Localpart.String() + "@" + p.IPDomain.LogString()
}

// DSNString returns the path with its address type for the Final-Recipient and
// Original-Recipient fields of a delivery status notification (RFC 3464 §2.3): as
// "rfc822;" in ASCII, or, when the local part has other characters, as "utf-8;" (RFC
// 6533 §3), with them if utf8 is set (for message/global-delivery-status), otherwise
// encoded.
func (p Path) DSNString(utf8 bool) string {
	switch {
	case !p.IsInternational():
		return "rfc822;" + p.XString(false)
	case utf8:
		return "utf-8;" + p.XString(true)
	}
	return "utf-8;" + EncodeUnitext(p.XString(false))
}

// IsInternational tells whether the path can only be sent to a server with SMTPUTF8.
// A domain alone never makes it so, as it has an ASCII form.
func (p Path) IsInternational() bool { return p.Localpart.IsInternational() }

// Address returns the path as an address, false if it has no domain or an address
// literal.
func (p Path) Address() (Address, bool) {
	return Address{p.Localpart, p.IPDomain.Domain}, p.IPDomain.IsDomain()
}
