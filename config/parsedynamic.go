package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"mox/dns"
	"mox/smtp"
)

// Defaults of limits on what an account sends.
const (
	defaultMaxOutgoingPerDay     = 1000 // Recipients.
	leastMaxOutgoingPerHour      = 500  // The default is half of the day's, but not less.
	defaultMaxSubmissionsPerHour = 300
	defaultMaxFirstTimePerDay    = 200 // Recipients.
)

// sendLimit returns a default. Localserve sends nothing out, so that there is nothing to limit unless that is
// to be tried.
func (b *builder) sendLimit(n int) int {
	if b.opts.Localserve != nil {
		return 0
	}
	return n
}

func (b *builder) domains() {
	p := b.domain
	b.cfg.routes = b.parseRoutes("Routes", b.cfg.dynamic.Routes)
	for _, name := range slices.Sorted(maps.Keys(b.cfg.dynamic.Domains)) {
		s := b.cfg.dynamic.Domains[name]
		field := "Domains." + name
		domain, ok := p.parseDomain(field, name)
		if !ok {
			continue
		}
		if other := b.cfg.domains[domain]; other != nil {
			p.addf(field, "is the same name as another domain here, %s; remove one", domain.Name())
			continue
		}
		for i, sep := range s.LocalpartCatchallSeparators {
			if sep == "" || strings.ContainsAny(sep, "@\"\\ ") || strings.ContainsFunc(sep, unicode.IsControl) {
				p.addf(fmt.Sprintf("%s.LocalpartCatchallSeparators[%d]", field, i), "%q cannot separate; use e.g. +", sep)
			}
		}
		b.cfg.domains[domain] = &Domain{
			Domain:                 domain,
			Description:            s.Description,
			Disabled:               s.Disabled,
			LocalpartSeparators:    s.LocalpartCatchallSeparators,
			LocalpartCaseSensitive: s.LocalpartCaseSensitive,
			DKIM:                   b.dkim(field+".DKIM", domain, s.DKIM),
			MTASTS:                 b.mtasts(field+".MTASTS", domain, s.MTASTS),
			ClientSettingsDomain:   p.clientSettings(field+".ClientSettingsDomain", s.ClientSettingsDomain),
			routes:                 b.parseRoutes(field+".Routes", s.Routes),
		}
	}
}

func (b *builder) accounts() {
	p := b.domain
	for _, name := range slices.Sorted(maps.Keys(b.cfg.dynamic.Accounts)) {
		s := b.cfg.dynamic.Accounts[name]
		field := "Accounts." + name
		if err := CheckAccountName(name); err != nil {
			p.addf(field, "%v", err)
		}
		a := &Account{
			Name:                  name,
			Description:           s.Description,
			FullName:              s.FullName,
			LoginDisabled:         s.LoginDisabled,
			Quota:                 s.QuotaMessageSize,
			MaxOutgoingPerDay:     p.limit(field+".MaxOutgoingMessagesPerDay", s.MaxOutgoingMessagesPerDay, b.sendLimit(defaultMaxOutgoingPerDay)),
			MaxFirstTimePerDay:    p.limit(field+".MaxFirstTimeRecipientsPerDay", s.MaxFirstTimeRecipientsPerDay, b.sendLimit(defaultMaxFirstTimePerDay)),
			MaxSubmissionsPerHour: p.limit(field+".MaxSubmissionsPerHour", s.MaxSubmissionsPerHour, b.sendLimit(defaultMaxSubmissionsPerHour)),
			routes:                b.parseRoutes(field+".Routes", s.Routes),
		}
		perHour := 0
		if a.MaxOutgoingPerDay > 0 {
			perHour = max(a.MaxOutgoingPerDay/2, leastMaxOutgoingPerHour)
		}
		a.MaxOutgoingPerHour = p.limit(field+".MaxOutgoingMessagesPerHour", s.MaxOutgoingMessagesPerHour, perHour)
		switch {
		case a.Quota == 0:
			a.Quota = b.cfg.quota
		case a.Quota == -1:
			a.Quota = 0
		case a.Quota < -1:
			p.addf(field+".QuotaMessageSize", "is negative; use -1 for no limit")
		}
		for _, text := range []struct{ field, value string }{{"FullName", s.FullName}, {"LoginDisabled", s.LoginDisabled}} {
			if strings.ContainsFunc(text.value, unicode.IsControl) {
				p.addf(field+"."+text.field, "has a control character; remove it")
			}
		}
		if d, ok := p.parseDomain(field+".Domain", s.Domain); ok {
			a.Domain = d
			if b.cfg.domains[d] == nil {
				p.addf(field+".Domain", "%s is not in Domains; add it there", s.Domain)
			}
		}
		b.cfg.accounts[name] = a
		b.logins(field, a, s)
		b.destinations(field+".Destinations", a, s.Destinations)
	}
}

// CheckAccountName returns an error, with the cure, for a name that an account
// cannot have. Names are used for directories.
func CheckAccountName(name string) error {
	switch {
	case name == "":
		return errors.New("an account needs a name")
	case len(name) > 100:
		return errors.New("the name of an account has at most 100 bytes; choose a shorter one")
	case !utf8.ValidString(name) || strings.ContainsAny(name, "/\\:") || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("account name %q has a slash, backslash, colon or unprintable character; choose one without", name)
	case strings.HasPrefix(name, ".") || strings.TrimSpace(name) != name:
		return fmt.Errorf("account name %q begins with a dot or has space around it; choose one without", name)
	}
	return nil
}

// destinations adds the addresses of an account.
func (b *builder) destinations(field string, a *Account, destinations map[string]DynamicDestination) {
	p := b.domain
	for _, key := range slices.Sorted(maps.Keys(destinations)) {
		f := field + "." + key
		address, err := b.destinationAddress(key)
		if err != nil {
			p.addf(f, "%v", err)
			continue
		}
		if other, ok := b.cfg.destinations[address]; ok {
			p.addf(f, "is already a destination of account %s; remove one", other.Account)
			continue
		}
		dest := Destination{a.Name, "Inbox"}
		if mailbox := destinations[key].Mailbox; mailbox != "" {
			dest.Mailbox = p.checkMailbox(f+".Mailbox", mailbox)
		}
		b.cfg.destinations[address] = dest
		a.Addresses = append(a.Addresses, address)
	}
	slices.SortFunc(a.Addresses, func(x, y smtp.Address) int { return strings.Compare(x.String(), y.String()) })
}

// destinationAddress parses a key of Destinations into canonical form.
func (b *builder) destinationAddress(key string) (smtp.Address, error) {
	var address smtp.Address
	if name, ok := strings.CutPrefix(key, "@"); ok {
		domain, err := dns.ParseDomain(name)
		if err != nil {
			return smtp.Address{}, fmt.Errorf("%q is not a domain name (%v); write e.g. @example.org", name, err)
		}
		address.Domain = domain
	} else {
		var err error
		if address, err = smtp.ParseAddress(key); err != nil {
			return smtp.Address{}, fmt.Errorf("%q is not an address (%v); write e.g. ann@example.org, or @example.org for all others", key, err)
		}
	}
	domain := b.cfg.domains[address.Domain]
	if domain == nil {
		return smtp.Address{}, fmt.Errorf("domain %s is not in Domains; add it there", address.Domain.Name())
	}
	address.Localpart = domain.fold(address.Localpart)
	return address, nil
}

func (b *builder) parseRoutes(field string, l []DynamicRoute) []Route {
	var routes []Route
	for i, s := range l {
		f := fmt.Sprintf("%s[%d]", field, i)
		r := Route{
			from:            b.domain.patterns(f+".FromDomain", s.FromDomain),
			to:              b.domain.patterns(f+".ToDomain", s.ToDomain),
			minimumAttempts: s.MinimumAttempts,
			transport:       b.cfg.transports[s.Transport],
		}
		if r.transport == nil {
			b.domain.addf(f+".Transport", "there is no transport %q in mox.conf; add it, or use one of: %s", s.Transport, strings.Join(slices.Sorted(maps.Keys(b.cfg.transports)), ", "))
		}
		if s.MinimumAttempts < 0 {
			b.domain.addf(f+".MinimumAttempts", "is negative; use 0 or more")
		}
		routes = append(routes, r)
	}
	return routes
}

// domainPattern matches a domain, or all domains below it.
type domainPattern struct {
	domain dns.Domain
	below  bool
}

func (d domainPattern) matches(domain dns.Domain) bool {
	if d.below {
		return strings.HasSuffix(domain.ASCII, "."+d.domain.ASCII)
	}
	return domain == d.domain
}

func (p *problems) patterns(field string, l []string) []domainPattern {
	var patterns []domainPattern
	for i, s := range l {
		name, below := strings.CutPrefix(s, ".")
		if d, ok := p.parseDomain(fmt.Sprintf("%s[%d]", field, i), name); ok {
			patterns = append(patterns, domainPattern{d, below})
		}
	}
	return patterns
}

// references checks what mox.conf says about things in domains.conf.
func (b *builder) references() {
	if b.cfg.accounts[b.cfg.Postmaster.Account] == nil {
		b.static.addf("Postmaster.Account", "there is no account %q in domains.conf; add it, or name another", b.cfg.Postmaster.Account)
	}
	if ls := b.cfg.Localserve; ls != nil && b.cfg.accounts[ls.Account] == nil {
		b.domain.addf("Accounts", "localserve needs account %q; add it, or remove the directory to begin anew", ls.Account)
	}
}
