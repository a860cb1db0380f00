package admin

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"mox/config"
	"mox/smtp"
)

// ErrNoAlias is wrapped by errors about an alias that is not in domains.conf.
var ErrNoAlias = errors.New("there is no such alias in domains.conf")

// Alias is an alias, to be added or as it is.
type Alias struct {
	Address      string   `json:"address"`
	Members      []string `json:"members"`
	PostPublic   bool     `json:"postPublic"`
	ListMembers  bool     `json:"listMembers"`
	AllowMsgFrom bool     `json:"allowMsgFrom"`
}

// Aliases returns all aliases, sorted by address.
func Aliases(cfg *config.Config) []Alias {
	l := []Alias{}
	for _, a := range cfg.Aliases() {
		info := Alias{Address: a.Address.String(), Members: []string{}, PostPublic: a.PostPublic, ListMembers: a.ListMembers, AllowMsgFrom: a.AllowMsgFrom}
		for _, m := range a.Members {
			info.Members = append(info.Members, m.Address.String())
		}
		l = append(l, info)
	}
	return l
}

// FindAlias returns an alias by its address. Errors wrap ErrNoAlias.
func FindAlias(cfg *config.Config, address string) (Alias, error) {
	for _, a := range Aliases(cfg) {
		if canonical(cfg, a.Address) == canonical(cfg, address) {
			return a, nil
		}
	}
	return Alias{}, fmt.Errorf("%w: %s; see \"mox config alias list\"", ErrNoAlias, address)
}

// aliasKeys returns where an alias is in the file: the key of its domain and its own.
func aliasKeys(cfg *config.Config, d *config.Dynamic, address string) (domain, key string, err error) {
	a, err := smtp.ParseAddress(address)
	if err != nil {
		return "", "", fmt.Errorf("%q is not an address (%w); give one such as team@example.org", address, err)
	}
	if domain, _, err = domainKey(d, a.Domain.Name()); err != nil {
		return "", "", err
	}
	for key := range d.Domains[domain].Aliases {
		if canonical(cfg, key+"@"+domain) == canonical(cfg, address) {
			return domain, key, nil
		}
	}
	return domain, "", fmt.Errorf("%w: %s; see \"mox config alias list\"", ErrNoAlias, address)
}

// changeAlias changes the entry of an alias.
func changeAlias(live *config.Live, address string, change func(*config.DynamicAlias) error) error {
	cfg := live.Current()
	return live.Change(func(d *config.Dynamic) error {
		domain, key, err := aliasKeys(cfg, d, address)
		if err != nil {
			return err
		}
		a := d.Domains[domain].Aliases[key]
		if err := change(&a); err != nil {
			return err
		}
		d.Domains[domain].Aliases[key] = a
		return nil
	})
}

// AddAlias adds an alias. Errors wrap ErrExists, ErrNoDomain, ErrNoAddress for a member, or are those of
// config.Live.Change.
func AddAlias(live *config.Live, p Alias) error {
	cfg := live.Current()
	members, err := aliasMembers(cfg, p.Members)
	if err != nil {
		return err
	}
	return live.Change(func(d *config.Dynamic) error {
		domain, _, err := aliasKeys(cfg, d, p.Address)
		switch {
		case err == nil:
			return fmt.Errorf("alias %s: %w", p.Address, ErrExists)
		case !errors.Is(err, ErrNoAlias):
			return err
		}
		if account, _, ok := owner(cfg, d, p.Address); ok {
			return fmt.Errorf("address %s of account %s: %w", p.Address, account, ErrExists)
		}
		a, err := smtp.ParseAddress(p.Address)
		if err != nil {
			return err
		}
		entry := d.Domains[domain]
		if entry.Aliases == nil {
			entry.Aliases = map[string]config.DynamicAlias{}
		}
		entry.Aliases[a.Localpart.String()] = config.DynamicAlias{Addresses: members, PostPublic: p.PostPublic, ListMembers: p.ListMembers, AllowMsgFrom: p.AllowMsgFrom}
		d.Domains[domain] = entry
		return nil
	})
}

// aliasMembers returns addresses as domains.conf has them. They must be of accounts, at least one.
func aliasMembers(cfg *config.Config, l []string) ([]string, error) {
	if len(l) == 0 {
		return nil, errors.New("an alias needs a member; give addresses of accounts")
	}
	var members []string
	for _, s := range l {
		a, err := smtp.ParseAddress(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not an address (%w); give one such as ann@example.org", s, err)
		}
		if !slices.ContainsFunc(Accounts(cfg), func(info AccountInfo) bool {
			return slices.ContainsFunc(info.Addresses, func(own string) bool { return canonical(cfg, own) == canonical(cfg, s) })
		}) {
			return nil, fmt.Errorf("%w: %s; a member is an address of an account, see \"mox config address list\"", ErrNoAddress, s)
		}
		members = append(members, a.String())
	}
	return members, nil
}

// AliasChange is a change of how an alias may be used. Nil is for no change.
type AliasChange struct {
	Address                               string
	PostPublic, ListMembers, AllowMsgFrom *bool
}

// UpdateAlias changes how an alias may be used. Errors wrap ErrNoAlias.
func UpdateAlias(live *config.Live, p AliasChange) error {
	return changeAlias(live, p.Address, func(a *config.DynamicAlias) error {
		for _, f := range []struct {
			to   *bool
			from *bool
		}{{&a.PostPublic, p.PostPublic}, {&a.ListMembers, p.ListMembers}, {&a.AllowMsgFrom, p.AllowMsgFrom}} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
		return nil
	})
}

// RemoveAlias removes an alias. Errors wrap ErrNoAlias.
func RemoveAlias(live *config.Live, address string) error {
	cfg := live.Current()
	return live.Change(func(d *config.Dynamic) error {
		domain, key, err := aliasKeys(cfg, d, address)
		if err != nil {
			return err
		}
		delete(d.Domains[domain].Aliases, key)
		return nil
	})
}

// AliasMembers are members to add to an alias, or to remove.
type AliasMembers struct {
	Address string
	Members []string
}

// AddAliasMembers adds members to an alias. Errors wrap ErrNoAlias, ErrNoAddress, ErrExists.
func AddAliasMembers(live *config.Live, p AliasMembers) error {
	cfg := live.Current()
	members, err := aliasMembers(cfg, p.Members)
	if err != nil {
		return err
	}
	return changeAlias(live, p.Address, func(a *config.DynamicAlias) error {
		for _, m := range members {
			if memberIndex(cfg, a, m) >= 0 {
				return fmt.Errorf("member %s: %w", m, ErrExists)
			}
			a.Addresses = append(a.Addresses, m)
		}
		return nil
	})
}

// RemoveAliasMembers removes members from an alias. Errors wrap ErrNoAlias, ErrNoAddress for one that is no member, and
// ErrInUse if none would be left.
func RemoveAliasMembers(live *config.Live, p AliasMembers) error {
	cfg := live.Current()
	return changeAlias(live, p.Address, func(a *config.DynamicAlias) error {
		for _, m := range p.Members {
			i := memberIndex(cfg, a, m)
			if i < 0 {
				return fmt.Errorf("%w: %s is no member; see \"mox config alias print %s\"", ErrNoAddress, m, p.Address)
			}
			a.Addresses = slices.Delete(a.Addresses, i, i+1)
		}
		if len(a.Addresses) == 0 {
			return fmt.Errorf("the last member: %w; remove the alias with \"mox config alias rm %s\"", ErrInUse, p.Address)
		}
		return nil
	})
}

func memberIndex(cfg *config.Config, a *config.DynamicAlias, address string) int {
	return slices.IndexFunc(a.Addresses, func(m string) bool { return canonical(cfg, m) == canonical(cfg, address) })
}

// leaveAliases removes an address from all aliases. Errors wrap ErrInUse if one would have no member left.
func leaveAliases(cfg *config.Config, d *config.Dynamic, address string) error {
	for _, domain := range slices.Sorted(maps.Keys(d.Domains)) {
		aliases := d.Domains[domain].Aliases
		for key, a := range aliases {
			i := memberIndex(cfg, &a, address)
			switch {
			case i < 0:
				continue
			case len(a.Addresses) == 1:
				return fmt.Errorf("%s: %w as the only member of alias %s@%s; remove that first", address, ErrInUse, key, domain)
			}
			a.Addresses = slices.Delete(a.Addresses, i, i+1)
			aliases[key] = a
		}
	}
	return nil
}
