package config

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"mox/dns"
	"mox/smtp"
)

// Errors of address lookups.
var (
	ErrUnknownDomain = errors.New("mail for this domain is not accepted here")
	ErrUnknownUser   = errors.New("no such user here")
	// ErrDomainDisabled is temporary: mail for the domain will be accepted again.
	ErrDomainDisabled = errors.New("domain is disabled for now")
)

// Domain returns a domain that mail is accepted for, or nil.
func (c *Config) Domain(d dns.Domain) *Domain { return c.domains[d] }

// Domains returns all domains, sorted by name.
func (c *Config) Domains() []*Domain {
	l := make([]*Domain, 0, len(c.domains))
	for _, d := range c.domains {
		l = append(l, d)
	}
	slices.SortFunc(l, func(a, b *Domain) int { return strings.Compare(a.Domain.ASCII, b.Domain.ASCII) })
	return l
}

// Account returns an account by its name, or nil.
func (c *Config) Account(name string) *Account { return c.accounts[name] }

// Accounts returns all accounts, sorted by name.
func (c *Config) Accounts() []*Account {
	l := make([]*Account, 0, len(c.accounts))
	for _, a := range c.accounts {
		l = append(l, a)
	}
	slices.SortFunc(l, func(a, b *Account) int { return strings.Compare(a.Name, b.Name) })
	return l
}

// Hostnames returns the host names of this server: of the machine and of its
// listeners, sorted.
func (c *Config) Hostnames() []dns.Domain {
	l := make([]dns.Domain, 0, len(c.hostnames))
	for d := range c.hostnames {
		l = append(l, d)
	}
	slices.SortFunc(l, func(a, b dns.Domain) int { return strings.Compare(a.ASCII, b.ASCII) })
	return l
}

// fold returns a localpart in the form in which equal ones compare equal: in NFC and,
// unless the domain says otherwise, in lower case.
func (d *Domain) fold(l smtp.Localpart) smtp.Localpart {
	s := norm.NFC.String(string(l))
	if !d.LocalpartCaseSensitive {
		s = norm.NFC.String(strings.ToLower(s))
	}
	return smtp.Localpart(s)
}

// Canonical returns a localpart in the form in which all spellings of it are equal. What follows a separator stays.
func (d *Domain) Canonical(l smtp.Localpart) smtp.Localpart { return d.fold(l) }

// MailboxOf returns where mail for an address of an account, in canonical form, goes.
func (c *Config) MailboxOf(address smtp.Address) string { return c.destinations[address].Mailbox }

// significant cuts a folded localpart at the first separator. One at the very
// beginning does not count.
func (d *Domain) significant(l smtp.Localpart) smtp.Localpart {
	cut := len(l)
	for _, sep := range d.LocalpartSeparators {
		if i := strings.Index(string(l), sep); i > 0 {
			cut = min(cut, i)
		}
	}
	return l[:cut]
}

// LookupAddress returns where mail for an address goes, and the address in
// canonical form: case folded and without what follows a separator, as the domain
// has it. In order, the full localpart, the part before a separator, postmaster
// (RFC 5321 §4.5.1) and the domain's catch-all are looked for. An alias is an address too, with
// its first member as the place for what has to have one; LookupAlias has them all.
//
// Errors are ErrUnknownDomain, ErrUnknownUser and ErrDomainDisabled.
func (c *Config) LookupAddress(localpart smtp.Localpart, domain dns.Domain) (Destination, smtp.Address, error) {
	d := c.domains[domain]
	if d == nil {
		switch {
		case !c.hostnames[domain]:
			return Destination{}, smtp.Address{}, ErrUnknownDomain
		case isPostmaster(localpart):
			return c.Postmaster, smtp.Address{Localpart: "postmaster", Domain: domain}, nil
		}
		return Destination{}, smtp.Address{}, ErrUnknownUser
	}
	if d.Disabled {
		return Destination{}, smtp.Address{}, ErrDomainDisabled
	}
	if a := c.LookupAlias(smtp.Address{Localpart: localpart, Domain: domain}.Path()); a != nil {
		return a.Members[0].Destination, a.Address, nil
	}
	full := d.fold(localpart)
	address := smtp.Address{Localpart: full, Domain: domain}
	if dest, ok := c.destinations[address]; ok {
		return dest, address, nil
	}
	address.Localpart = d.significant(full)
	if dest, ok := c.destinations[address]; ok {
		return dest, address, nil
	}
	if isPostmaster(address.Localpart) {
		address.Localpart = "postmaster"
		return c.Postmaster, address, nil
	}
	if dest, ok := c.destinations[smtp.Address{Domain: domain}]; ok {
		return dest, address, nil
	}
	return Destination{}, smtp.Address{}, ErrUnknownUser
}

// isPostmaster compares as RFC 5321 §2.3.5 wants it for this name, in any case.
func isPostmaster(l smtp.Localpart) bool { return strings.EqualFold(string(l), "postmaster") }

// LookupPath is LookupAddress for a forward-path. It also knows "postmaster" without
// a domain, and at an address literal that this server listens on; the canonical
// address is then the postmaster at Hostname.
//
// It differs for localserve, where no domain is wholly ours: mail to an address that
// nobody has leaves through the queue, and comes in again as LookupIncoming says.
func (c *Config) LookupPath(p smtp.Path) (Destination, smtp.Address, error) {
	dest, address, err := c.lookupPath(p)
	if errors.Is(err, ErrUnknownUser) && c.Localserve != nil && (p.IPDomain.IsDomain() || p.IPDomain.IsIP()) {
		err = ErrUnknownDomain
	}
	return dest, address, err
}

func (c *Config) lookupPath(p smtp.Path) (Destination, smtp.Address, error) {
	if p.IPDomain.IsDomain() {
		return c.LookupAddress(p.Localpart, p.IPDomain.Domain)
	}
	switch {
	case p.IPDomain.IsIP() && !c.listensOn(p.IPDomain.IP):
		return Destination{}, smtp.Address{}, ErrUnknownDomain
	case isPostmaster(p.Localpart):
		return c.Postmaster, smtp.Address{Localpart: "postmaster", Domain: c.Hostname}, nil
	}
	return Destination{}, smtp.Address{}, ErrUnknownUser
}

func (c *Config) listensOn(ip netip.Addr) bool {
	return slices.ContainsFunc(c.Listeners, func(l *Listener) bool { return slices.Contains(l.IPs, ip.Unmap()) })
}

// LookupIncoming is LookupPath for mail that comes from outside. It differs for
// localserve, where mail for addresses that nobody has goes to Localserve.Account;
// the canonical address is then as given, zero if the path has no domain.
func (c *Config) LookupIncoming(p smtp.Path) (Destination, smtp.Address, error) {
	dest, address, err := c.LookupPath(p)
	if err != nil && c.Localserve != nil && !errors.Is(err, ErrDomainDisabled) {
		address, _ := p.Address()
		return Destination{c.Localserve.Account, "Inbox"}, address, nil
	}
	return dest, address, err
}

// LookupLogin returns the account for a user name: an address of the account, or the
// account's name. It returns nil if there is none. A catch-all is no login.
func (c *Config) LookupLogin(username string) *Account {
	if a := c.accounts[username]; a != nil {
		return a
	}
	address, err := smtp.ParseAddress(username)
	if err != nil {
		return nil
	}
	d := c.domains[address.Domain]
	if d == nil {
		return nil
	}
	full := d.fold(address.Localpart)
	for _, l := range []smtp.Localpart{full, d.significant(full)} {
		if dest, ok := c.destinations[smtp.Address{Localpart: l, Domain: address.Domain}]; ok {
			return c.accounts[dest.Account]
		}
	}
	return nil
}

// AccountCanSendFrom tells whether an account may use an address as reverse-path or
// in From: mail to the address must be delivered to it, or it must be an alias that allows this to its members, and the domain must not be
// disabled. In localserve its account may use any.
func (c *Config) AccountCanSendFrom(account string, address smtp.Address) bool {
	if c.Localserve != nil && account == c.Localserve.Account {
		return c.accounts[account] != nil
	}
	if a := c.LookupAlias(address.Path()); a != nil {
		return a.AllowMsgFrom && a.HasMember(account)
	}
	dest, _, err := c.LookupAddress(address.Localpart, address.Domain)
	return err == nil && dest.Account == account
}

// Route returns the transport for an attempt to deliver mail of an account (empty
// if nobody submitted it), from and to addresses at the given domains, after a
// number of failed attempts. It returns nil for direct delivery by DNS.
func (c *Config) Route(account string, from, to dns.Domain, attempts int) *Transport {
	var lists [3][]Route
	if a := c.accounts[account]; a != nil {
		lists[0] = a.routes
	}
	if d := c.domains[from]; d != nil {
		lists[1] = d.routes
	}
	lists[2] = c.routes
	for _, routes := range lists {
		for i := range routes {
			if routes[i].matches(from, to, attempts) {
				return routes[i].transport
			}
		}
	}
	return nil
}

func (r *Route) matches(from, to dns.Domain, attempts int) bool {
	return attempts >= r.minimumAttempts && anyPattern(r.from, from) && anyPattern(r.to, to)
}

func anyPattern(l []domainPattern, d dns.Domain) bool {
	return len(l) == 0 || slices.ContainsFunc(l, func(p domainPattern) bool { return p.matches(d) })
}
