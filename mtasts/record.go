package mtasts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mox/dns"
)

// Record is a TXT record that says that a domain has a policy (RFC 8461 §3.1).
type Record struct {
	// ID is another one when the policy has changed. IDs have no order.
	ID string
}

// RecordName returns the absolute name that the record of a domain has.
func RecordName(domain dns.Domain) string { return "_mta-sts." + domain.Absolute() }

// isRecord tells whether a text is meant as a record. Others at the name are passed over.
func isRecord(s string) bool {
	rest, ok := strings.CutPrefix(s, "v=STSv1")
	return ok && strings.HasPrefix(strings.TrimLeft(rest, " \t"), ";")
}

// ParseRecord parses the text of a record. Fields that are not known are ignored, and so is all but the first id. Errors
// wrap ErrRecord.
func ParseRecord(s string) (Record, error) {
	if !isRecord(s) {
		return Record{}, fmt.Errorf("%w: it does not begin with v=STSv1 and a semicolon", ErrRecord)
	}
	_, rest, _ := strings.Cut(s, ";")
	rest = strings.Trim(rest, " \t")
	var r Record
	for rest != "" {
		var field string
		field, rest, _ = strings.Cut(rest, ";")
		field, rest = strings.TrimRight(field, " \t"), strings.TrimLeft(rest, " \t")
		name, value, _ := strings.Cut(field, "=")
		if !extensionName(name) || !recordValue(value) {
			return Record{}, fmt.Errorf("%w: %q is not a name, = and a value", ErrRecord, field)
		}
		if name != "id" || r.ID != "" {
			continue
		}
		if !ValidID(value) {
			return Record{}, fmt.Errorf("%w: the id %q is not of 1 to 32 letters and digits", ErrRecord, value)
		}
		r.ID = value
	}
	if r.ID == "" {
		return Record{}, fmt.Errorf("%w: id is missing", ErrRecord)
	}
	return r, nil
}

// extensionName tells whether s can be the name of a field, of a record or a policy.
func extensionName(s string) bool {
	const first = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return len(s) >= 1 && len(s) <= 32 && strings.Contains(first, s[:1]) && strings.Trim(s, first+"_-.") == ""
}

// recordValue tells whether s can be the value of a field of a record.
func recordValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == ';' || c == '=' {
			return false
		}
	}
	return s != ""
}

// LookupRecord looks up whether a domain says that it has a policy. An error wraps ErrNoRecord or ErrRecord when it does
// not, after which senders go on as without a policy unless they remember one (RFC 8461 §3.1, §5.1). Other errors are
// those of the resolver, and temporary (dns.IsTemporary).
func LookupRecord(ctx context.Context, resolver dns.Resolver, domain dns.Domain) (Record, dns.Result, error) {
	texts, res, err := resolver.LookupTXT(ctx, RecordName(domain))
	if dns.IsNotFound(err) {
		return Record{}, res, fmt.Errorf("%w: %w", ErrNoRecord, err)
	} else if err != nil {
		return Record{}, res, err
	}
	var found []string
	for _, s := range texts {
		if isRecord(s) {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return Record{}, res, fmt.Errorf("%w: no text of %s begins with v=STSv1", ErrNoRecord, RecordName(domain))
	case 1:
		r, err := ParseRecord(found[0])
		return r, res, err
	}
	return Record{}, res, fmt.Errorf("%w: there are %d of them, so that none counts (RFC 8461 §3.1)", ErrRecord, len(found))
}

// Errors about records, for errors.Is.
var (
	ErrNoRecord = errors.New("no MTA-STS record")
	ErrRecord   = errors.New("invalid MTA-STS record")
)
