package spf

import (
	"net/netip"
	"strconv"
)

// Record is a policy (RFC 7208 §4.6.1). What is not set is not in the record.
type Record struct {
	Directives []Directive // In the order in which they are tried.
	Redirect   string      // Domain-spec of the redirect modifier.
	Exp        string      // Domain-spec of the exp modifier.
	Modifiers  []Modifier  // All others. They have no effect.
}

// Directive says what holds for the hosts that a mechanism matches. It is made by
// [ParseRecord], or by hand to be written.
type Directive struct {
	Qualifier Qualifier
	Mechanism Mechanism

	// DomainSpec is a domain, which can have macros (RFC 7208 §4.8). Include and exists
	// have one; a, mx and ptr can. Without it the domain of the record is meant.
	DomainSpec string

	// Prefix is the network of ip4 and ip6, with an address of that family. Its host
	// bits need not be zero.
	Prefix netip.Prefix

	// IP4Len and IP6Len are for a and mx the lengths of the prefixes, in bits, that the
	// client's address and one of the domain must share. Nil is for all bits.
	IP4Len, IP6Len *int
}

// Qualifier is the character before a mechanism that says what follows from a match
// (RFC 7208 §4.6.2). The zero Qualifier is QualifierPass, and is not written.
type Qualifier byte

// The values of Qualifier.
const (
	QualifierPass     Qualifier = '+'
	QualifierFail     Qualifier = '-'
	QualifierSoftfail Qualifier = '~'
	QualifierNeutral  Qualifier = '?'
)

// Status returns the result that a match leads to.
func (q Qualifier) Status() Status {
	switch q {
	case QualifierFail:
		return Fail
	case QualifierSoftfail:
		return Softfail
	case QualifierNeutral:
		return Neutral
	}
	return Pass
}

// Mechanism is the name of a test (RFC 7208 §5).
type Mechanism string

// The values of Mechanism.
const (
	All     Mechanism = "all"     // Each client.
	Include Mechanism = "include" // Those that pass by the policy of another domain.
	A       Mechanism = "a"       // With an address of a domain, A or AAAA.
	MX      Mechanism = "mx"      // With an address of a mail exchanger of a domain.
	PTR     Mechanism = "ptr"     // With a name in a domain. It should not be published.
	IP4     Mechanism = "ip4"     // In an IPv4 network.
	IP6     Mechanism = "ip6"     // In an IPv6 network.
	Exists  Mechanism = "exists"  // If a domain, made by macros, has an A record.
)

// Modifier is a name with a value, which can have macros.
type Modifier struct{ Name, Value string }

// String returns the text of the record, to be published as a TXT record of the
// domain. [ParseRecord] is its inverse.
func (r *Record) String() string {
	b := []byte(version)
	for _, d := range r.Directives {
		b = append(b, ' ')
		b = d.append(b)
	}
	for _, m := range r.Modifiers {
		b = appendModifier(b, m.Name, m.Value)
	}
	if r.Redirect != "" {
		b = appendModifier(b, "redirect", r.Redirect)
	}
	if r.Exp != "" {
		b = appendModifier(b, "exp", r.Exp)
	}
	return string(b)
}

func appendModifier(b []byte, name, value string) []byte {
	b = append(b, ' ')
	b = append(b, name...)
	b = append(b, '=')
	return append(b, value...)
}

// String returns the directive as in a record, without what is the default: the
// qualifier "+", and the length of a prefix with all bits.
func (d Directive) String() string { return string(d.append(nil)) }

func (d Directive) append(b []byte) []byte {
	if d.Qualifier != 0 && d.Qualifier != QualifierPass {
		b = append(b, byte(d.Qualifier))
	}
	b = append(b, d.Mechanism...)
	if d.Mechanism == IP4 || d.Mechanism == IP6 {
		b = append(b, ':')
		b = d.Prefix.Addr().AppendTo(b)
		if d.Prefix.Bits() != d.Prefix.Addr().BitLen() {
			b = appendLen(b, "/", d.Prefix.Bits())
		}
		return b
	}
	if d.DomainSpec != "" {
		b = append(b, ':')
		b = append(b, d.DomainSpec...)
	}
	if d.IP4Len != nil {
		b = appendLen(b, "/", *d.IP4Len)
	}
	if d.IP6Len != nil {
		b = appendLen(b, "//", *d.IP6Len)
	}
	return b
}

func appendLen(b []byte, slashes string, n int) []byte {
	return strconv.AppendInt(append(b, slashes...), int64(n), 10)
}
