// Package mtasts is about MTA Strict Transport Security (RFC 8461): policies with which
// a domain asks that mail to it be delivered only over TLS, to servers with a valid
// certificate.
//
// Policy is written for domains of ours. For those of others, [LookupRecord] tells whether there is one, and [Fetch] and
// [FetchPolicy] fetch it.
package mtasts

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mox/dns"
)

// Mode is what a sender does that cannot deliver as a policy wants (RFC 8461 §5).
type Mode string

// Modes.
const (
	ModeEnforce Mode = "enforce" // It does not deliver.
	ModeTesting Mode = "testing" // It delivers, and reports.
	ModeNone    Mode = "none"    // It acts as without a policy.
)

// MaxAge is the most that a policy can ask for (RFC 8461 §3.2), some 12 months.
const MaxAge = 31557600 * time.Second

// Path is where a policy is found, over HTTPS at the host that Host returns (RFC 8461 §3.2).
const Path = "/.well-known/mta-sts.txt"

// Host returns the name of the server that has the policy of a domain (RFC 8461 §3.2).
func Host(domain dns.Domain) (dns.Domain, error) { return dns.ParseDomain("mta-sts." + domain.ASCII) }

// MX is a pattern for the names of the servers of a domain (RFC 8461 §4.1).
type MX struct {
	Domain   dns.Domain
	Wildcard bool // For names with one more label, and not for Domain itself.
}

// ParseMX parses a name, or one after "*.".
func ParseMX(s string) (MX, error) {
	name, wildcard := strings.CutPrefix(s, "*.")
	d, err := dns.ParseDomain(name)
	return MX{d, wildcard}, err
}

// String returns the pattern as in a policy.
func (m MX) String() string {
	if m.Wildcard {
		return "*." + m.Domain.ASCII
	}
	return m.Domain.ASCII
}

// Matches tells whether the pattern fits the name of a server (RFC 8461 §4.1).
func (m MX) Matches(host dns.Domain) bool {
	if !m.Wildcard {
		return host.ASCII == m.Domain.ASCII
	}
	label, rest, _ := strings.Cut(host.ASCII, ".")
	return label != "" && rest == m.Domain.ASCII
}

// Policy is what a domain asks for.
type Policy struct {
	Mode   Mode
	MaxAge time.Duration // In whole seconds.
	MX     []MX
}

// Errors of Policy.Check.
var (
	ErrMode   = errors.New("unknown mode")
	ErrMaxAge = errors.New("max_age is negative, or more than a year")
	ErrNoMX   = errors.New("a policy other than none has at least one MX")
)

// Check tells whether others can use the policy.
func (p *Policy) Check() error {
	switch {
	case p.Mode != ModeEnforce && p.Mode != ModeTesting && p.Mode != ModeNone:
		return fmt.Errorf("%w %q", ErrMode, p.Mode)
	case p.MaxAge < 0 || p.MaxAge > MaxAge:
		return ErrMaxAge
	case p.Mode != ModeNone && len(p.MX) == 0:
		return ErrNoMX
	}
	return nil
}

// Matches tells whether a server that mail for the domain may go to is among those of the policy (RFC 8461 §4.1).
func (p *Policy) Matches(host dns.Domain) bool {
	return slices.ContainsFunc(p.MX, func(m MX) bool { return m.Matches(host) })
}

// String returns the policy as it is served, with CRLF at the end of each line (RFC 8461 §3.2).
func (p *Policy) String() string {
	var b strings.Builder
	b.WriteString("version: STSv1\r\nmode: " + string(p.Mode) + "\r\n")
	for _, mx := range p.MX {
		b.WriteString("mx: " + mx.String() + "\r\n")
	}
	b.WriteString("max_age: " + strconv.FormatInt(int64(p.MaxAge/time.Second), 10) + "\r\n")
	return b.String()
}

// ValidID tells whether s can identify a version of a policy in DNS (RFC 8461 §3.1).
func ValidID(s string) bool {
	return len(s) >= 1 && len(s) <= 32 && strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
