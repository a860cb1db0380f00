package spf

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ErrSyntax is wrapped by errors about the text of a record or of a Received-SPF
// field.
var ErrSyntax = errors.New("syntax error")

const version = "v=spf1"

// maxRecord is the length in bytes above which a record is refused. It is more than
// a DNS message can hold (RFC 1035 §4.2.2).
const maxRecord = 1 << 16

// isRecord tells whether a text of a domain is an SPF record, which only the version
// decides (RFC 7208 §4.5).
func isRecord(s string) bool {
	return len(s) >= len(version) && strings.EqualFold(s[:len(version)], version) &&
		(len(s) == len(version) || s[len(version)] == ' ')
}

// ParseRecord parses the text of a record, all of it (RFC 7208 §4.6, §12). Errors
// wrap [ErrSyntax] and tell which term is wrong.
func ParseRecord(s string) (*Record, error) {
	if len(s) > maxRecord {
		return nil, fmt.Errorf("%w: record longer than %d bytes", ErrSyntax, maxRecord)
	}
	if !isRecord(s) {
		return nil, fmt.Errorf("%w: record does not begin with %q", ErrSyntax, version)
	}
	r := &Record{}
	for term := range strings.SplitSeq(s[len(version):], " ") {
		if term == "" {
			continue
		}
		if err := r.parseTerm(term); err != nil {
			return nil, fmt.Errorf("%w in term %s: %w", ErrSyntax, quoteTerm(term), err)
		}
	}
	return r, nil
}

// quoteTerm returns a term for an error, safe to be shown and not excessively long.
func quoteTerm(term string) string {
	const most = 100
	if len(term) > most {
		return strconv.QuoteToASCII(term[:most]) + "..."
	}
	return strconv.QuoteToASCII(term)
}

func (r *Record) parseTerm(term string) error {
	if name, value, ok := cutModifier(term); ok {
		return r.addModifier(name, value)
	}
	d, err := parseDirective(term)
	if err != nil {
		return err
	}
	r.Directives = append(r.Directives, d)
	return nil
}

// cutModifier splits a term that begins with a name and "=" (RFC 7208 §4.6.1).
func cutModifier(term string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(term, "=")
	if !ok || name == "" || !isAlpha(name[0]) {
		return "", "", false
	}
	for i := range len(name) {
		if c := name[i]; !isAlnum(c) && c != '-' && c != '_' && c != '.' {
			return "", "", false
		}
	}
	return name, value, true
}

// addModifier adds a modifier, of which redirect and exp must not be there twice
// (RFC 7208 §6).
func (r *Record) addModifier(name, value string) error {
	var known *string
	switch {
	case strings.EqualFold(name, "redirect"):
		known = &r.Redirect
	case strings.EqualFold(name, "exp"):
		known = &r.Exp
	default:
		r.Modifiers = append(r.Modifiers, Modifier{name, value})
		return checkMacroString(value, explainMacros)
	}
	if *known != "" {
		return errors.New("modifier is there twice")
	}
	*known = value
	return checkDomainSpec(value)
}

func parseDirective(term string) (Directive, error) {
	var d Directive
	switch q := Qualifier(term[0]); q {
	case QualifierPass, QualifierFail, QualifierSoftfail, QualifierNeutral:
		term = term[1:]
		if q != QualifierPass {
			d.Qualifier = q
		}
	}
	end := strings.IndexAny(term, ":/")
	if end < 0 {
		end = len(term)
	}
	if !isASCII(term[:end]) {
		return d, errors.New("unknown mechanism") // Some letters of others are in lower case one of ASCII.
	}
	d.Mechanism = Mechanism(strings.ToLower(term[:end]))
	arg := term[end:]
	var err error
	switch d.Mechanism {
	case All:
		if arg != "" {
			err = errors.New("mechanism takes no argument")
		}
	case Include, Exists:
		err = d.parseDomain(arg, true)
	case PTR:
		err = d.parseDomain(arg, false)
	case A, MX:
		if arg, err = d.cutLengths(arg); err == nil {
			err = d.parseDomain(arg, false)
		}
	case IP4, IP6:
		err = d.parseNetwork(arg)
	default:
		err = errors.New("unknown mechanism")
	}
	return d, err
}

// parseDomain parses an argument ":" domain-spec.
func (d *Directive) parseDomain(arg string, required bool) error {
	if arg == "" && !required {
		return nil
	}
	spec, ok := strings.CutPrefix(arg, ":")
	if !ok {
		return errors.New("mechanism takes a domain and nothing else")
	}
	d.DomainSpec = spec
	return checkDomainSpec(spec)
}

// cutLengths removes a dual-cidr-length from the end of an argument (RFC 7208 §5.6).
// A domain-spec cannot end like one: its last label is not a number after a slash.
func (d *Directive) cutLengths(arg string) (string, error) {
	rest, length, ok := cutLength(arg)
	if !ok {
		return arg, nil
	}
	if rest6, double := strings.CutSuffix(rest, "/"); double {
		n, err := parseLen(length, 128)
		if err != nil {
			return "", err
		}
		d.IP6Len = &n
		if rest, length, ok = cutLength(rest6); !ok {
			return rest6, nil
		}
	}
	n, err := parseLen(length, 32)
	if err != nil {
		return "", err
	}
	d.IP4Len = &n
	return rest, nil
}

// cutLength splits off a slash with digits at the end, or with nothing, which is no
// length.
func cutLength(s string) (rest, length string, ok bool) {
	rest = strings.TrimRight(s, "0123456789")
	if !strings.HasSuffix(rest, "/") {
		return s, "", false
	}
	return rest[:len(rest)-1], s[len(rest):], true
}

// parseLen parses the length of a prefix: a number without leading zeros.
func parseLen(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || len(s) > 3 || len(s) > 1 && s[0] == '0' || s[0] == '+' || s[0] == '-' || n > most {
		return 0, fmt.Errorf("length of prefix is not a number from 0 to %d", most)
	}
	return n, nil
}

// parseNetwork parses an argument ":" address with an optional length.
func (d *Directive) parseNetwork(arg string) error {
	s, ok := strings.CutPrefix(arg, ":")
	if !ok {
		return errors.New("mechanism takes a network")
	}
	s, length, hasLen := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(s)
	if err != nil || ip.Zone() != "" || ip.Is4() != (d.Mechanism == IP4) {
		return errors.New("not an address of that family")
	}
	bits := ip.BitLen()
	if hasLen {
		if bits, err = parseLen(length, bits); err != nil {
			return err
		}
	}
	d.Prefix = netip.PrefixFrom(ip, bits)
	return nil
}

func isAlpha(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return isAlpha(c) || isDigit(c) }
