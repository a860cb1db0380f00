package smtp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"mox/dns"
)

// ErrAddress is wrapped by the errors of [ParseLocalpart], [ParseAddress] and
// [ParsePath].
var ErrAddress = errors.New("invalid address")

// MaxPath is the limit in octets of a path with its angle brackets, source route not
// counted (RFC 5321 §4.5.3.1.3).
const MaxPath = 256

// MaxLocalpart is the limit in octets of a local part, decoded. RFC 5321 §4.5.3.1.1
// has 64, but asks not to impose it where that can be helped (§4.5.3.1), and return
// addresses in use are longer: variable envelope return paths that encode a whole
// recipient address, of mailing lists and of bulk senders.
const MaxLocalpart = 128

// ParseLocalpart parses a local part as written in an address, a dot-string or a
// quoted string (RFC 5321 §4.1.2) with UTF-8 (RFC 6531 §3.3), which becomes NFC.
func ParseLocalpart(s string) (Localpart, error) {
	l, rest, err := cutLocalpart(s)
	if err == nil && rest != "" {
		err = fmt.Errorf("%w: %q after local part", ErrAddress, rest)
	}
	if err != nil {
		return "", err
	}
	return l, nil
}

// ParseAddress parses "localpart@domain". Address literals, comments, display names,
// angle brackets and white space around are refused.
func ParseAddress(s string) (Address, error) {
	p, err := parseMailbox(s)
	if err != nil {
		return Address{}, err
	}
	a, ok := p.Address()
	if !ok {
		return Address{}, fmt.Errorf("%w: address literal in place of a domain", ErrAddress)
	}
	return a, nil
}

// ParsePath parses what [Path.XString] returns: a path without angle brackets, which
// can be empty or have a local part only.
func ParsePath(s string) (Path, error) {
	if s == "" {
		return Path{}, nil
	}
	if l, err := ParseLocalpart(s); err == nil {
		return Path{Localpart: l}, nil
	}
	return parseMailbox(s)
}

// parseMailbox parses a Mailbox of RFC 5321 §4.1.2.
func parseMailbox(s string) (Path, error) {
	if len(s) > MaxPath-2 {
		return Path{}, fmt.Errorf("%w: longer than %d octets", ErrAddress, MaxPath-2)
	}
	l, rest, err := cutLocalpart(s)
	if err != nil {
		return Path{}, err
	}
	host, ok := strings.CutPrefix(rest, "@")
	if !ok {
		return Path{}, fmt.Errorf(`%w: local part without "@" after it`, ErrAddress)
	}
	d, err := parseHost(host)
	if err != nil {
		return Path{}, err
	}
	return Path{l, d}, nil
}

// cutLocalpart parses the local part that s begins with.
func cutLocalpart(s string) (l Localpart, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		l, rest, err = cutQuoted(s)
	} else {
		l, rest, err = cutDotString(s)
	}
	if err != nil {
		return "", "", err
	}
	if !isASCII(string(l)) {
		if !utf8.ValidString(string(l)) {
			return "", "", fmt.Errorf("%w: invalid UTF-8", ErrAddress)
		}
		if err := checkRunes(string(l)); err != nil {
			return "", "", err
		}
		l = Localpart(norm.NFC.String(string(l))) // RFC 6532 §3.1.
	}
	if len(l) > MaxLocalpart {
		return "", "", fmt.Errorf("%w: local part longer than %d octets", ErrAddress, MaxLocalpart)
	}
	return l, rest, nil
}

func cutDotString(s string) (l Localpart, rest string, err error) {
	i := 0
	for i < len(s) && (isAtext(s[i]) || s[i] == '.') {
		i++
	}
	if !isDotString(s[:i]) {
		return "", "", fmt.Errorf("%w: local part is empty or has misplaced dots", ErrAddress)
	}
	return Localpart(s[:i]), s[i:], nil
}

func cutQuoted(s string) (l Localpart, rest string, err error) {
	if end := strings.IndexAny(s[1:], `"\`); end >= 0 && s[1+end] == '"' {
		l, rest = Localpart(s[1:1+end]), s[2+end:] // Nothing to decode.
	} else if l, rest, err = unquote(s[1:]); err != nil {
		return "", "", err
	}
	for i := range len(l) {
		if l[i] < ' ' || l[i] == 0x7f {
			return "", "", fmt.Errorf("%w: control character in quoted local part", ErrAddress)
		}
	}
	return l, rest, nil
}

// unquote decodes s, which follows an opening quote, up to the closing quote.
func unquote(s string) (l Localpart, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return Localpart(b.String()), s[i+1:], nil
		case '\\':
			i++
			if i < len(s) && s[i] >= utf8.RuneSelf {
				// Only ASCII can be a quoted pair (RFC 5321 §4.1.2).
				return "", "", fmt.Errorf("%w: backslash before UTF-8", ErrAddress)
			}
		}
		if i < len(s) {
			b.WriteByte(s[i])
		}
	}
	return "", "", fmt.Errorf("%w: quoted local part without end", ErrAddress)
}

// checkRunes refuses characters that no mailbox name can have and that would deceive
// readers of logs and lists: C1 controls, and line and paragraph separators.
func checkRunes(s string) error {
	for _, r := range s {
		if r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return fmt.Errorf("%w: character %U", ErrAddress, r)
		}
	}
	return nil
}

// parseHost parses what follows the "@": a domain or an address literal (RFC 5321
// §4.1.3). Literals other than of IPv4 and IPv6 are refused, none are registered.
func parseHost(s string) (dns.IPDomain, error) {
	if !strings.HasPrefix(s, "[") {
		d, err := dns.ParseDomain(s)
		if err != nil {
			return dns.IPDomain{}, fmt.Errorf("%w: %w", ErrAddress, err)
		}
		return dns.IPDomain{Domain: d}, nil
	}
	ip, err := ParseAddressLiteral(s)
	return dns.IPDomain{IP: ip}, err
}

// ParseAddressLiteral parses "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 §4.1.3),
// as in addresses and the argument of EHLO.
func ParseAddressLiteral(s string) (netip.Addr, error) {
	bad := func() (netip.Addr, error) {
		return netip.Addr{}, fmt.Errorf("%w: address literal", ErrAddress)
	}
	if len(s) < 2 || s[0] != '[' || s[len(s)-1] != ']' {
		return bad()
	}
	s = s[1 : len(s)-1]
	v6 := len(s) > 5 && strings.EqualFold(s[:5], "IPv6:")
	if v6 {
		s = s[5:]
	}
	ip, err := netip.ParseAddr(s)
	if err != nil || ip.Is4() == v6 || ip.Zone() != "" {
		return bad()
	}
	return ip, nil
}
