package spf

import (
	"context"
	"slices"
	"strings"

	"mox/dns"
)

// clientNames are the names of the client that its address proves (RFC 7208 §5.5), in
// lower case without trailing dot.
type clientNames struct {
	names []string
	void  bool // There are no PTR records.
}

// clientNames returns the validated names of the client, which are looked up once.
// Errors of DNS make names missing and nothing else.
func (e *evaluation) clientNames(ctx context.Context) *clientNames {
	if e.ptr != nil {
		return e.ptr
	}
	e.ptr = &clientNames{}
	names, res, err := e.resolver.LookupAddr(ctx, e.ip)
	e.authentic = e.authentic && res.Authentic
	if err != nil {
		e.ptr.void = dns.IsNotFound(err)
		return e.ptr
	}
	for _, name := range names[:min(len(names), maxPTR)] {
		name = strings.TrimSuffix(name, ".")
		if !isName(name) {
			continue
		}
		name = strings.ToLower(name)
		ips, err := e.lookupIP(ctx, e.network(), name)
		if err == nil && slices.Contains(ips, e.ip) {
			e.ptr.names = append(e.ptr.names, name)
		}
	}
	return e.ptr
}

// matchPTR is the mechanism ptr (RFC 7208 §5.5).
func (e *evaluation) matchPTR(ctx context.Context, target string) (bool, *termError) {
	c := e.clientNames(ctx)
	if err := ended(ctx); err != nil {
		return false, err
	}
	if c.void {
		return false, e.countVoid()
	}
	return slices.ContainsFunc(c.names, func(name string) bool { return isWithin(name, target) }), nil
}

// validatedName returns the value of the macro p: the validated name that is the
// domain, or a subdomain of it, or any (RFC 7208 §7.3).
func (e *evaluation) validatedName(ctx context.Context, domain string) (string, error) {
	if e.ptr == nil {
		if err := e.countLookup(); err != nil {
			return "", err
		}
		c := e.clientNames(ctx)
		if err := ended(ctx); err != nil {
			return "", err
		}
		if c.void {
			if err := e.countVoid(); err != nil {
				return "", err
			}
		}
	}
	names := e.ptr.names
	for _, name := range names {
		if strings.EqualFold(name, domain) {
			return name, nil
		}
	}
	for _, name := range names {
		if isWithin(name, domain) {
			return name, nil
		}
	}
	if len(names) > 0 {
		return names[0], nil
	}
	return "unknown", nil
}

// isWithin tells whether a name is that of a domain, or below it.
func isWithin(name, domain string) bool {
	if len(name) > len(domain) {
		at := len(name) - len(domain)
		return name[at-1] == '.' && strings.EqualFold(name[at:], domain)
	}
	return strings.EqualFold(name, domain)
}

// ended returns an error if the time for the evaluation is over. It is for lookups
// whose errors do not count.
func ended(ctx context.Context) *termError {
	if err := ctx.Err(); err != nil {
		return &termError{Temperror, "evaluation took too long", err}
	}
	return nil
}
