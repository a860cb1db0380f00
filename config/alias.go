package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mox/smtp"
)

// DynamicAlias is an address whose mail goes to several others.
type DynamicAlias struct {
	Addresses    []string `sconf-doc:"Members: addresses of accounts here, full, to which mail for the alias is delivered. An account that has several of them gets one copy for each of its mailboxes. Example: ann@example.org."`
	PostPublic   bool     `sconf:"optional" sconf-doc:"Anybody may send to the alias, also from outside. Otherwise only accounts with an address among the members may, after logging in. Default: false."`
	ListMembers  bool     `sconf:"optional" sconf-doc:"Members may see who the others are. Default: false."`
	AllowMsgFrom bool     `sconf:"optional" sconf-doc:"Members may send mail with the alias as sender. Default: false."`
}

// Alias is an address whose mail goes to several others.
type Alias struct {
	Address smtp.Address  // In canonical form.
	Members []AliasMember // As in the file, at least one.

	PostPublic, ListMembers, AllowMsgFrom bool
}

// AliasMember is one of the addresses that an alias delivers to.
type AliasMember struct {
	Address smtp.Address // In canonical form.
	Destination
}

// HasMember tells whether an account has an address among the members.
func (a *Alias) HasMember(account string) bool {
	return slices.ContainsFunc(a.Members, func(m AliasMember) bool { return m.Account == account })
}

// MayPost tells whether an account, or anybody for an empty name, may send to the alias.
func (a *Alias) MayPost(account string) bool { return a.PostPublic || a.HasMember(account) }

// LookupAlias returns the alias that an address is: with its full localpart, or the part before a separator. It
// returns nil if it is none, or if its domain is disabled.
func (c *Config) LookupAlias(p smtp.Path) *Alias {
	address, ok := p.Address()
	if !ok {
		return nil
	}
	d := c.domains[address.Domain]
	if d == nil || d.Disabled {
		return nil
	}
	full := d.fold(address.Localpart)
	for _, l := range []smtp.Localpart{full, d.significant(full)} {
		address.Localpart = l
		if a := c.aliases[address]; a != nil {
			return a
		}
		if _, ok := c.destinations[address]; ok {
			return nil
		}
	}
	return nil
}

// Aliases returns all aliases, sorted by address.
func (c *Config) Aliases() []*Alias {
	return slices.SortedFunc(maps.Values(c.aliases), func(a, b *Alias) int { return strings.Compare(a.Address.String(), b.Address.String()) })
}

// parseAliases adds the aliases of all domains. Destinations are known.
func (b *builder) parseAliases() {
	p := b.domain
	for _, name := range slices.Sorted(maps.Keys(b.cfg.dynamic.Domains)) {
		aliases := b.cfg.dynamic.Domains[name].Aliases
		for _, localpart := range slices.Sorted(maps.Keys(aliases)) {
			field := "Domains." + name + ".Aliases." + localpart
			a, err := b.alias(field, localpart, name, aliases[localpart])
			if err != nil {
				p.addf(field, "%v", err)
				continue
			}
			b.cfg.aliases[a.Address] = a
		}
	}
}

// alias returns the parsed form of one alias.
func (b *builder) alias(field, localpart, domain string, s DynamicAlias) (*Alias, error) {
	if localpart == "" {
		return nil, errors.New("has no name; write the part of its address before the @")
	}
	address, err := b.destinationAddress(localpart + "@" + domain)
	if err != nil {
		return nil, err
	}
	if other, ok := b.cfg.destinations[address]; ok {
		return nil, fmt.Errorf("is already a destination of account %s; remove one", other.Account)
	}
	if b.cfg.aliases[address] != nil {
		return nil, errors.New("is the same address as another alias here; remove one")
	}
	a := &Alias{Address: address, PostPublic: s.PostPublic, ListMembers: s.ListMembers, AllowMsgFrom: s.AllowMsgFrom}
	for i, key := range s.Addresses {
		f := fmt.Sprintf("%s.Addresses[%d]", field, i)
		member, err := b.destinationAddress(key)
		if err != nil {
			b.domain.addf(f, "%v", err)
			continue
		}
		dest, ok := b.cfg.destinations[member]
		switch {
		case !ok || member.Localpart == "":
			b.domain.addf(f, "%s is not an address of an account; add it to the Destinations of one, or name another", key)
		case slices.ContainsFunc(a.Members, func(m AliasMember) bool { return m.Address == member }):
			b.domain.addf(f, "%s is named twice; remove one", key)
		default:
			a.Members = append(a.Members, AliasMember{member, dest})
		}
	}
	return a, nil
}
