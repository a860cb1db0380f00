package dmarc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Errors of the parsers.
var (
	// ErrNoRecord: the text is no DMARC record, it does not begin with "v=DMARC1".
	ErrNoRecord = errors.New("no DMARC record")

	// ErrSyntax: the text is a DMARC record from which no policy can be had.
	ErrSyntax = errors.New("invalid DMARC record")
)

const version = "DMARC1"

// Limits of what is taken from a record. That of the text is the one of a TXT record.
const (
	maxRecord   = 65535
	maxTags     = 200
	maxURIs     = 20 // Of each tag.
	maxProblems = 20
	maxName     = 100
)

// ParseRecord parses a policy record (RFC 7489 §6.3, §6.4, RFC 9091 §3.2).
//
// Names of tags and values other than that of v are taken in any case. A tag that is unknown
// or, besides p and sp, has a value that is not valid is passed over, for which
// Record.Problems has an entry. If p is missing, or p or sp is not valid, and there is a
// valid URI in rua, then the policy is none, and there are none for subdomains
// (RFC 7489 §6.6.3); without such a URI the record is an error.
//
// Errors wrap ErrNoRecord or ErrSyntax.
func ParseRecord(s string) (Record, error) {
	return parsePolicy(s, false)
}

// errNoPolicy is what is wrong with a policy record without p.
var errNoPolicy = errors.New("no p")

// parsePolicy parses a policy record. One without p is none to RFC 7489, to its successor (RFC 9989 §4.7) it has
// the policy none, and an np that is not valid is what sp is.
func parsePolicy(s string, successor bool) (Record, error) {
	r, policy, err := parse(s, successor)
	switch {
	case err != nil:
		return Record{}, err
	case policy == nil:
		return r, nil
	case successor && policy == errNoPolicy:
		r.Policy = PolicyNone
		return r, nil
	case len(r.AggregateReports) == 0:
		return Record{}, fmt.Errorf("%w: %w", ErrSyntax, policy)
	}
	r.Policy, r.SubdomainPolicy, r.NonexistentPolicy = PolicyNone, "", ""
	return r, nil
}

// ParseReportRecord parses a record by which a host agrees to receive reports (RFC 7489 §7.1).
// It is like a policy record but needs no policy: what p, sp and np say is not looked at.
func ParseReportRecord(s string) (Record, error) {
	r, _, err := parse(s, false)
	if err != nil {
		return Record{}, err
	}
	r.Policy, r.SubdomainPolicy, r.NonexistentPolicy = "", "", ""
	return r, nil
}

// parser reads the tags of a record.
type parser struct {
	record Record
	seen   []string // Names of tags so far.
	policy error    // What is wrong with p, sp or np.

	successor bool // RFC 9989 is followed.
}

// parse parses a record. The error policy is set if p, sp or, for RFC 9989, np makes it unfit as a policy.
func parse(s string, successor bool) (r Record, policy, err error) {
	if len(s) > maxRecord {
		return Record{}, nil, fmt.Errorf("%w: longer than %d bytes", ErrNoRecord, maxRecord)
	}
	first, rest, _ := strings.Cut(s, ";")
	name, value, _ := strings.Cut(first, "=")
	if !strings.EqualFold(trim(name), "v") || trim(value) != version {
		return Record{}, nil, ErrNoRecord
	}
	p := parser{record: NewRecord(""), seen: []string{"v"}, successor: successor}
	for tag := range strings.SplitSeq(rest, ";") {
		if err := p.tag(tag); err != nil {
			return Record{}, nil, err
		}
	}
	if p.record.Policy == "" && p.policy == nil {
		p.policy = errNoPolicy
	}
	return p.record, p.policy, nil
}

// trim removes white space, also line ends (FWS of RFC 6376 §3.2).
func trim(s string) string { return strings.Trim(s, " \t\r\n") }

// tag takes one tag. Only a tag that appears twice is an error: it makes the whole list
// invalid (RFC 6376 §3.2).
func (p *parser) tag(s string) error {
	name, value, ok := strings.Cut(s, "=")
	written := trim(name)
	name, value = strings.ToLower(written), trim(value)
	switch {
	case trim(s) == "":
		// After the last semicolon.
		return nil
	case !ok || !isTagName(name):
		p.problem(written, "not a tag with a value")
		return nil
	case slices.Contains(p.seen, name):
		return fmt.Errorf("%w: more than one %s", ErrSyntax, written)
	case len(p.seen) == maxTags:
		return fmt.Errorf("%w: more than %d tags", ErrSyntax, maxTags)
	}
	p.seen = append(p.seen, name)
	p.value(name, value)
	return nil
}

// isTagName tells whether s is a tag-name of RFC 6376 §3.2, in lower case, of some length.
func isTagName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', i > 0 && ('0' <= c && c <= '9' || c == '_'):
		default:
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// value takes the value of a tag, name in lower case.
func (p *parser) value(name, value string) {
	r := &p.record
	lower := strings.ToLower(value)
	switch name {
	case "p":
		p.policyTag(name, lower, &r.Policy)
		if len(p.seen) != 2 {
			// Taken all the same: who wrote it meant it, and RFC 9989 §4.8 allows it.
			p.problem(name, "not the second tag")
		}
	case "sp":
		p.policyTag(name, lower, &r.SubdomainPolicy)
	case "np":
		if p.successor {
			p.policyTag(name, lower, &r.NonexistentPolicy)
		} else {
			// RFC 9091 §3 does not add it to the tags without which there is no policy.
			oneOf(p, name, lower, &r.NonexistentPolicy, PolicyNone, PolicyQuarantine, PolicyReject)
		}
	case "rua":
		r.AggregateReports = p.uris(name, value)
	case "ruf":
		r.FailureReports = p.uris(name, value)
	case "adkim":
		oneOf(p, name, lower, &r.DKIMAlignment, AlignmentRelaxed, AlignmentStrict)
	case "aspf":
		oneOf(p, name, lower, &r.SPFAlignment, AlignmentRelaxed, AlignmentStrict)
	case "psd":
		oneOf(p, name, lower, &r.PSD, PSDYes, PSDNo, PSDUnknown)
	case "t":
		testing := "n"
		oneOf(p, name, lower, &testing, "y", "n")
		r.Testing = testing == "y"
	case "ri":
		if n, err := strconv.ParseUint(value, 10, 32); err == nil {
			r.Interval = uint32(n)
		} else {
			p.problem(name, "not a number of 32 bits")
		}
	case "pct":
		if n, err := strconv.ParseUint(value, 10, 8); err == nil && n <= 100 && len(value) <= 3 {
			r.Percent = int(n)
		} else {
			p.problem(name, "not a number from 0 to 100")
		}
	case "fo":
		p.failureOptions(name, lower)
	case "rf":
		p.formats(name, lower)
	default:
		p.problem(name, "unknown")
	}
}

func (p *parser) policyTag(name, value string, policy *Policy) {
	if !oneOf(p, name, value, policy, PolicyNone, PolicyQuarantine, PolicyReject) && p.policy == nil {
		p.policy = fmt.Errorf("%s is not valid", name)
	}
}

// oneOf sets *to to the value if it is one of those that are valid.
func oneOf[T ~string](p *parser, name, value string, to *T, valid ...T) bool {
	if !slices.Contains(valid, T(value)) {
		p.problem(name, "not a value of this tag")
		return false
	}
	*to = T(value)
	return true
}

// uris takes the valid ones of a list of URIs.
func (p *parser) uris(name, value string) []URI {
	var l []URI
	for s := range strings.SplitSeq(value, ",") {
		if len(l) == maxURIs {
			p.problem(name, "more URIs than are taken")
			break
		}
		u, err := ParseURI(trim(s))
		if err != nil {
			p.problem(name, err.Error())
			continue
		}
		l = append(l, u)
	}
	return l
}

func (p *parser) failureOptions(name, value string) {
	var options FailureOptions
	for s := range strings.SplitSeq(value, ":") {
		s = trim(s)
		i := slices.IndexFunc(failureLetters[:], func(f failureLetter) bool { return f.letter == s })
		if i < 0 {
			p.problem(name, "not a value of this tag")
			continue
		}
		options |= failureLetters[i].option
	}
	if options != 0 {
		p.record.FailureOptions = options
	}
}

// formats takes the formats that are registered (RFC 7489 §6.3): there is one.
func (p *parser) formats(name, value string) {
	var l []string
	for s := range strings.SplitSeq(value, ":") {
		switch s = trim(s); {
		case s != DefaultFormat:
			p.problem(name, "not a registered format")
		case !slices.Contains(l, s):
			l = append(l, s)
		}
	}
	if len(l) > 0 {
		p.record.FailureFormats = l
	}
}

func (p *parser) problem(tag, text string) {
	if len(p.record.Problems) < maxProblems {
		p.record.Problems = append(p.record.Problems, Problem{tag[:min(len(tag), maxName)], text})
	}
}
