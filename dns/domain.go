package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// ErrName is wrapped by the errors of [ParseDomain] and [ParseDomainLax].
var ErrName = errors.New("invalid domain name")

// Limits of RFC 1035 §2.3.4. A name of 255 octets on the wire, with its length
// octets and the root label, is 253 characters in text without trailing dot.
const (
	maxName  = 253
	maxLabel = 63
)

// Domain is a domain name of at least one label. It is made by [ParseDomain], so
// that equal names are equal values: compare with ==. The zero Domain is no name.
type Domain struct {
	// ASCII is the name with A-labels, in lower case, without trailing dot.
	ASCII string

	// Unicode is the name with U-labels (RFC 5890 §2.3.2.1), in NFC and lower case.
	// It is empty if it would be equal to ASCII.
	Unicode string
}

// IsZero tells whether d is no name.
func (d Domain) IsZero() bool { return d == Domain{} }

// String returns the ASCII form, which is safe in every protocol.
func (d Domain) String() string { return d.ASCII }

// Name returns the form for people: Unicode if the name has U-labels, otherwise
// ASCII.
func (d Domain) Name() string {
	if d.Unicode != "" {
		return d.Unicode
	}
	return d.ASCII
}

// XName returns the form for a peer: that of [Domain.Name] if it takes UTF-8,
// otherwise ASCII.
func (d Domain) XName(utf8 bool) string {
	if utf8 {
		return d.Name()
	}
	return d.ASCII
}

// LogString returns the name for a log: both forms, "unicode/ascii", if they
// differ, so that look-alikes can be told apart.
func (d Domain) LogString() string {
	if d.Unicode == "" {
		return d.ASCII
	}
	return d.Unicode + "/" + d.ASCII
}

// Absolute returns the ASCII form with the trailing dot that makes it fully
// qualified.
func (d Domain) Absolute() string { return d.ASCII + "." }

// ParseDomain returns the host name s as a Domain: labels of letters, digits and
// hyphens (RFC 1123 §2.1), or U-labels, which are mapped and checked for lookup by
// IDNA2008 (RFC 5891 §5, RFC 5895). A trailing dot, an underscore, empty or too
// long labels, a too long name and a number as top-level label (an IPv4 address is
// no domain) are refused. Errors wrap [ErrName].
func ParseDomain(s string) (Domain, error) {
	return parseDomain(s, false)
}

// ParseDomainLax is like [ParseDomain] for names that come from DNS and from peers:
// it also takes underscores (as in "_dmarc.example.org", RFC 8552), a number as
// top-level label, and one trailing dot, which it removes.
func ParseDomainLax(s string) (Domain, error) {
	return parseDomain(strings.TrimSuffix(s, "."), true)
}

func parseDomain(s string, lax bool) (Domain, error) {
	if len(s) > 4*maxName {
		// Before any work: no mapping makes this short enough.
		return Domain{}, fmt.Errorf("%w: longer than %d characters", ErrName, maxName)
	}
	if isPlainName(s, lax) {
		return Domain{ASCII: s}, nil
	}
	var d Domain
	if needsIDNA(s) {
		var err error
		if d, err = parseIDNA(s, lax); err != nil {
			return Domain{}, err
		}
	} else {
		d.ASCII = strings.ToLower(s)
	}
	// Also after IDNA processing: mapping can make dots, and without the STD3 rules any
	// ASCII character.
	if strings.HasSuffix(d.ASCII, ".") {
		return Domain{}, fmt.Errorf("%w: trailing dot", ErrName)
	}
	for label := range strings.SplitSeq(d.ASCII, ".") {
		if err := checkLabel(label, lax); err != nil {
			return Domain{}, err
		}
	}
	if len(d.ASCII) > maxName {
		return Domain{}, fmt.Errorf("%w: longer than %d characters", ErrName, maxName)
	}
	if tld := d.ASCII[strings.LastIndexByte(d.ASCII, '.')+1:]; !lax && strings.Trim(tld, "0123456789") == "" {
		return Domain{}, fmt.Errorf("%w: top-level label is a number", ErrName)
	}
	return d, nil
}

// isPlainName tells, in one pass, of nearly all names that they are valid, not subject to IDNA, and in lower case.
// Of others it leaves the decision open.
func isPlainName(s string, lax bool) bool {
	start := 0 // Of the label.
	digits := true
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', c == '_' && lax:
			digits = false
		case '0' <= c && c <= '9':
		case c == '-' && i > start && i-start != 3: // In fourth place it may be that of "xn--".
			digits = false
		case c == '.' && i > start && i-start <= maxLabel && s[i-1] != '-':
			start, digits = i+1, true
		default:
			return false
		}
	}
	n := len(s) - start
	return n > 0 && n <= maxLabel && s[len(s)-1] != '-' && len(s) <= maxName && (lax || !digits)
}

// needsIDNA tells whether s has a U-label or, by its prefix, an A-label. Other names
// are not subject to IDNA, whose rule against hyphens in third and fourth place would
// refuse names that exist.
func needsIDNA(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return true
		}
		if (i == 0 || s[i-1] == '.') && len(s)-i >= 4 && strings.EqualFold(s[i:i+4], "xn--") {
			return true
		}
	}
	return false
}

func checkLabel(label string, lax bool) error {
	switch {
	case label == "":
		return fmt.Errorf("%w: empty label", ErrName)
	case len(label) > maxLabel:
		return fmt.Errorf("%w: label longer than %d characters", ErrName, maxLabel)
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("%w: label begins or ends with a hyphen", ErrName)
	}
	for i := range len(label) {
		switch c := label[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_' && lax:
		default:
			return fmt.Errorf("%w: character %q", ErrName, c)
		}
	}
	return nil
}

// parseIDNA maps a name with U-labels or A-labels to its two forms.
func parseIDNA(s string, lax bool) (Domain, error) {
	profile := idna.Lookup
	if lax {
		profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false))
	}
	ascii, err := profile.ToASCII(s)
	if err != nil {
		return Domain{}, fmt.Errorf("%w: %v", ErrName, err)
	}
	unicode, err := profile.ToUnicode(ascii)
	if err != nil {
		return Domain{}, fmt.Errorf("%w: %v", ErrName, err)
	}
	// An A-label must be what its U-label encodes to (RFC 5891 §5.4); otherwise two
	// spellings would be one name.
	if again, err := profile.ToASCII(unicode); err != nil || again != ascii {
		return Domain{}, fmt.Errorf("%w: not the canonical form of an internationalized name", ErrName)
	}
	if unicode == ascii {
		unicode = ""
	}
	return Domain{ascii, unicode}, nil
}

// IPDomain is where mail can go by an address: a domain, or the IP address of a
// literal such as [192.0.2.1] (RFC 5321 §4.1.3). At most one field is set; compare
// with ==. The zero IPDomain is neither.
type IPDomain struct {
	IP     netip.Addr
	Domain Domain
}

// IsZero tells whether d is neither an address nor a domain.
func (d IPDomain) IsZero() bool { return d == IPDomain{} }

// IsIP tells whether d is an address literal.
func (d IPDomain) IsIP() bool { return d.IP.IsValid() }

// IsDomain tells whether d is a domain.
func (d IPDomain) IsDomain() bool { return !d.Domain.IsZero() }

// String returns the domain in ASCII, or the address literal with its brackets.
func (d IPDomain) String() string { return d.XString(false) }

// XString returns the domain as by [Domain.XName], or the address literal with its
// brackets.
func (d IPDomain) XString(utf8 bool) string {
	switch {
	case !d.IsIP():
		return d.Domain.XName(utf8)
	case d.IP.Is4():
		return "[" + d.IP.String() + "]"
	default:
		return "[IPv6:" + d.IP.String() + "]"
	}
}

// LogString returns the address literal, or the domain as by [Domain.LogString].
func (d IPDomain) LogString() string {
	if d.IsIP() {
		return d.String()
	}
	return d.Domain.LogString()
}
