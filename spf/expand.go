package spf

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strconv"
	"unicode/utf8"
)

// Limits of a name in text without trailing dot (RFC 1035 §2.3.4).
const (
	maxName  = 253
	maxLabel = 63
)

// errInternational says that a term matches nothing, because it needs a local part
// that is not in ASCII (RFC 8616 §4).
var errInternational = errors.New("local part of sender is not in ASCII")

// target expands a domain-spec of the record of a domain to the target-name, without
// trailing dot (RFC 7208 §4.8). It need not be a valid name. Errors are
// errInternational and a *termError.
func (e *evaluation) target(ctx context.Context, spec, domain string) (string, error) {
	var b []byte
	for {
		before, m, after, found, err := cutMacro(spec, domainMacros)
		if err != nil {
			return "", permerror("%v", err)
		}
		b = append(b, before...)
		if !found {
			return string(truncateName(bytes.TrimSuffix(b, []byte(".")))), nil
		}
		spec = after
		if m.letter == 0 {
			b = append(b, m.literal...)
			continue
		}
		if (m.letter == 's' || m.letter == 'l') && !isASCII(e.macros.local) {
			return "", errInternational
		}
		value, err := e.value(ctx, m.letter, domain)
		if err != nil {
			return "", err
		}
		b = m.transform(b, value)
		if len(b) > 16*maxName {
			// Only the end can become a name. What is kept is longer than one.
			b = append(b[:0], b[len(b)-2*maxName:]...)
		}
	}
}

// truncateName removes labels from the left of a name that is too long (RFC 7208
// §7.3). A name of one label stays too long.
func truncateName(b []byte) []byte {
	for len(b) > maxName {
		dot := bytes.IndexByte(b, '.')
		if dot < 0 {
			return b
		}
		b = b[dot+1:]
	}
	return b
}

// value returns the value of a macro (RFC 7208 §7.2, §7.3). The error is a
// *termError.
func (e *evaluation) value(ctx context.Context, letter byte, domain string) (string, error) {
	switch letter {
	case 's':
		return e.macros.sender, nil
	case 'l':
		return e.macros.local, nil
	case 'o':
		return e.macros.senderDomain, nil
	case 'd':
		return domain, nil
	case 'i':
		return dotted(e.ip), nil
	case 'p':
		return e.validatedName(ctx, domain)
	case 'v':
		if e.ip.Is4() {
			return "in-addr", nil
		}
		return "ip6", nil
	case 'h':
		return e.macros.hello, nil
	case 'c':
		return e.ip.String(), nil
	case 'r':
		return e.macros.hostname, nil
	case 't':
		return strconv.FormatInt(e.macros.now().Unix(), 10), nil
	}
	return "", permerror("unknown macro %q", letter)
}

// dotted returns an IPv4 address as it is always written, and an IPv6 address as its
// 32 digits with dots between.
func dotted(ip netip.Addr) string {
	if ip.Is4() {
		return ip.String()
	}
	const hex = "0123456789abcdef"
	b := make([]byte, 0, 63)
	for i, c := range ip.As16() {
		if i > 0 {
			b = append(b, '.')
		}
		b = append(b, hex[c>>4], '.', hex[c&15])
	}
	return string(b)
}

// asTermError returns an error of target or value that is not errInternational.
func asTermError(err error) *termError {
	if te, ok := errors.AsType[*termError](err); ok {
		return te
	}
	return &termError{Permerror, err.Error(), err}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
