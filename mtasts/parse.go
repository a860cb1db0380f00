package mtasts

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrPolicy says that a policy does not have the form of RFC 8461 §3.2, or is more than may be read of one.
var ErrPolicy = errors.New("invalid MTA-STS policy")

// ParsePolicy parses a policy as it is served (RFC 8461 §3.2). Lines end in LF or CRLF. Fields that are not known are
// ignored, and so are all but the first of those that there is one of. A max_age above MaxAge counts as that. Errors wrap
// ErrPolicy.
func ParsePolicy(text string) (Policy, error) {
	p, err := parsePolicy(text)
	if err != nil {
		return Policy{}, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	return p, nil
}

func parsePolicy(text string) (p Policy, err error) {
	var seen policyFields
	// Policies written by hand end in several line ends.
	text = strings.TrimRight(text, " \t\r\n")
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(strings.TrimSuffix(line, "\r"), " \t")
		name, value, ok := strings.Cut(line, ":")
		value = strings.TrimLeft(value, " \t")
		if !ok || !extensionName(name) || !policyValue(value) {
			return p, fmt.Errorf("%q is not a name, a colon and a value", line)
		}
		if err := seen.add(&p, name, value); err != nil {
			return p, err
		}
	}
	for _, f := range []struct {
		name string
		seen bool
	}{{"version", seen.version}, {"mode", seen.mode}, {"max_age", seen.maxAge}} {
		if !f.seen {
			return p, fmt.Errorf("%s is missing", f.name)
		}
	}
	return p, p.Check()
}

// policyFields are those of a policy that were there already.
type policyFields struct{ version, mode, maxAge bool }

// add sets a field of the policy.
func (seen *policyFields) add(p *Policy, name, value string) error {
	first := func(b *bool) bool {
		was := *b
		*b = true
		return !was
	}
	switch {
	case name == "version" && first(&seen.version):
		if value != "STSv1" {
			return fmt.Errorf("its version is %q", value)
		}
	case name == "mode" && first(&seen.mode):
		p.Mode = Mode(value)
	case name == "max_age" && first(&seen.maxAge):
		n, err := strconv.ParseUint(value, 10, 64)
		if err != nil || len(value) > 10 || value[0] == '+' {
			return fmt.Errorf("max_age is %q, and not a number of up to 10 digits", value)
		}
		p.MaxAge = time.Duration(min(n, uint64(MaxAge/time.Second))) * time.Second
	case name == "mx":
		// ParseMX takes Unicode too, which has no place here.
		mx, err := ParseMX(value)
		if err != nil || strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return fmt.Errorf("mx is %q, and not the name of a server in ASCII", value)
		}
		p.MX = append(p.MX, mx)
	}
	return nil
}

// policyValue tells whether s can be the value of a field of a policy.
func policyValue(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
