package dmarc

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"mox/dns"
	"mox/smtp"
)

// ErrURI is wrapped by the errors of [ParseURI].
var ErrURI = errors.New("invalid DMARC URI")

// maxURI is how long a URI may be, in bytes.
const maxURI = 2048

// URI is a place where reports go (RFC 7489 §6.2), made by [ParseURI].
type URI struct {
	// Address is the URI (RFC 3986), in ASCII, without the limit, e.g.
	// "mailto:reports@example.org".
	Address string

	// MaxSize is the largest report that is wanted, in bytes, if Limited is set. A limit that
	// is beyond the range of 64 bits is the largest number.
	MaxSize uint64
	Limited bool
}

// sizeUnits are the units of a limit, from the largest down (RFC 7489 §6.4).
var sizeUnits = [...]struct {
	letter byte
	shift  uint
}{
	{'t', 40}, {'g', 30}, {'m', 20}, {'k', 10},
}

// ParseURI parses a URI, perhaps with a limit for the size of reports as in
// "mailto:reports@example.org!50m". Commas, exclamation marks and other characters that a URI
// may not have must be percent-encoded. Errors wrap ErrURI.
func ParseURI(s string) (URI, error) {
	var u URI
	if len(s) > maxURI {
		return URI{}, fmt.Errorf("%w: longer than %d bytes", ErrURI, maxURI)
	}
	address, size, limited := strings.Cut(s, "!")
	if limited {
		var err error
		if u.MaxSize, err = parseSize(size); err != nil {
			return URI{}, err
		}
		u.Limited = true
	}
	for i := range len(address) {
		if !isURIByte(address[i]) {
			// Also UTF-8: addresses for reports are conventional ones (RFC 8616 §6).
			return URI{}, fmt.Errorf("%w: character %q", ErrURI, address[i])
		}
	}
	parsed, err := url.Parse(address)
	switch {
	case err != nil:
		return URI{}, fmt.Errorf("%w: not a URI", ErrURI)
	case parsed.Scheme == "":
		return URI{}, fmt.Errorf("%w: no scheme", ErrURI)
	case parsed.Opaque == "" && parsed.Host == "" && parsed.Path == "":
		return URI{}, fmt.Errorf("%w: nothing after the scheme", ErrURI)
	}
	u.Address = address
	if parsed.Scheme == "mailto" {
		if _, ok := u.Mailto(); !ok {
			return URI{}, fmt.Errorf("%w: not a single mail address", ErrURI)
		}
	}
	return u, nil
}

// parseSize parses 1*DIGIT [ "k" / "m" / "g" / "t" ], in any case.
func parseSize(s string) (uint64, error) {
	digits, shift := s, uint(0)
	if s != "" {
		last := s[len(s)-1] | 0x20
		for _, unit := range sizeUnits {
			if unit.letter == last {
				digits, shift = s[:len(s)-1], unit.shift
			}
		}
	}
	// ParseUint with a base takes digits only, no sign and no underscore.
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: size limit", ErrURI)
	}
	if n > math.MaxUint64>>shift {
		return math.MaxUint64, nil
	}
	return n << shift, nil
}

// isURIByte tells whether a URI (RFC 3986 §2) may have c. Commas and exclamation marks are
// taken by RFC 7489 §6.2, semicolons by the list of tags.
func isURIByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~:/?#[]@$&'()*+=%", c) >= 0
}

// String returns the URI as a record has it. The limit is written in the largest unit that
// divides it.
func (u URI) String() string {
	if !u.Limited {
		return u.Address
	}
	n, unit := u.MaxSize, ""
	for _, s := range sizeUnits {
		if n != 0 && n&(1<<s.shift-1) == 0 {
			n, unit = n>>s.shift, string(s.letter)
			break
		}
	}
	return u.Address + "!" + strconv.FormatUint(n, 10) + unit
}

// Allows tells whether a report of a size in bytes, as it is sent, may go there.
func (u URI) Allows(size uint64) bool { return !u.Limited || size <= u.MaxSize }

// Mailto returns the mail address of a "mailto:" URI (RFC 6068), and false for others. Header
// fields in the URI are passed over.
func (u URI) Mailto() (smtp.Address, bool) {
	parsed, err := url.Parse(u.Address)
	if err != nil || parsed.Scheme != "mailto" {
		return smtp.Address{}, false
	}
	s, err := url.PathUnescape(parsed.Opaque)
	if err != nil {
		return smtp.Address{}, false
	}
	a, err := smtp.ParseAddress(s)
	if err != nil || a.Localpart.IsInternational() {
		return smtp.Address{}, false
	}
	return a, true
}

// Host returns the destination host of RFC 7489 §7.1: the domain of the address of a "mailto:"
// URI, otherwise the host of the URI. It returns false if there is none, or an IP address.
func (u URI) Host() (dns.Domain, bool) {
	if a, ok := u.Mailto(); ok {
		return a.Domain, true
	}
	parsed, err := url.Parse(u.Address)
	if err != nil {
		return dns.Domain{}, false
	}
	d, err := dns.ParseDomain(parsed.Hostname())
	return d, err == nil
}
