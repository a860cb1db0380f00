package dkim

import (
	"context"
	"fmt"

	"mox/dns"
)

// maxKeyTexts is how many texts of one name are looked at. There should be one
// (RFC 6376 §3.6.2.2); records of other kinds come from wildcards.
const maxKeyTexts = 8

// KeyName returns the absolute name of a key record (RFC 6376 §3.6.2.1).
func KeyName(selector, domain dns.Domain) string {
	return selector.ASCII + "._domainkey." + domain.Absolute()
}

// LookupKey looks up the key records of a selector. There are several if the domain made a
// mistake; the order is that of the resolver (RFC 6376 §6.1.2, step 4). Texts that are no
// key records are left out if there are others.
//
// The error wraps [ErrKeyUnavailable] if trying again may help, [ErrNoKey] if there is no
// record, and [ErrKeySyntax] if none of those can be read. The Result is filled in as by
// [dns.Resolver].
func LookupKey(ctx context.Context, resolver dns.Resolver, selector, domain dns.Domain) ([]*Record, dns.Result, error) {
	return (*RecordCache)(nil).LookupKey(ctx, resolver, selector, domain)
}

// LookupKey is like the function of that name. The records are shared, as those of Parse.
func (c *RecordCache) LookupKey(ctx context.Context, resolver dns.Resolver, selector, domain dns.Domain) ([]*Record, dns.Result, error) {
	texts, result, err := resolver.LookupTXT(ctx, KeyName(selector, domain))
	if dns.IsNotFound(err) {
		return nil, result, fmt.Errorf("%w: %w", ErrNoKey, err)
	} else if err != nil {
		return nil, result, fmt.Errorf("%w: %w", ErrKeyUnavailable, err)
	}
	var records []*Record
	var first error
	for i, txt := range texts {
		if i == maxKeyTexts {
			break
		}
		r, err := c.Parse(txt)
		if err == nil {
			records = append(records, r)
		} else if first == nil {
			first = err
		}
	}
	if len(records) == 0 {
		if first == nil {
			first = ErrNoKey
		}
		return nil, result, first
	}
	return records, result, nil
}
