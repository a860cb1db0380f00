package spf

import (
	"context"
	"errors"
	"fmt"

	"mox/dns"
)

// Errors of [Lookup], to be found with errors.Is.
var (
	ErrNoRecord        = errors.New("domain has no SPF record")
	ErrMultipleRecords = errors.New("domain has more than one SPF record") // A permerror for receivers.
)

// Lookup returns the record of a domain, parsed and as text (RFC 7208 §4.4, §4.5),
// and whether DNSSEC authenticated the answer, also that there is no record.
// Errors are [ErrNoRecord], [ErrMultipleRecords], one that wraps [ErrSyntax], with
// the text of the record, or one of the resolver, which is temporary.
func Lookup(ctx context.Context, resolver dns.Resolver, domain dns.Domain) (record *Record, text string, authentic bool, err error) {
	return lookup(ctx, resolver, domain.ASCII)
}

func lookup(ctx context.Context, resolver dns.Resolver, name string) (*Record, string, bool, error) {
	texts, res, err := resolver.LookupTXT(ctx, name+".")
	if dns.IsNotFound(err) {
		return nil, "", res.Authentic, ErrNoRecord
	} else if err != nil {
		return nil, "", false, fmt.Errorf("looking up SPF record: %w", err)
	}
	var text string
	n := 0
	for _, s := range texts {
		if isRecord(s) {
			text = s
			n++
		}
	}
	switch {
	case n == 0:
		return nil, "", res.Authentic, ErrNoRecord
	case n > 1:
		return nil, "", res.Authentic, ErrMultipleRecords
	}
	r, err := ParseRecord(text)
	return r, text, res.Authentic, err
}
