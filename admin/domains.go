package admin

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"mox/config"
	"mox/dns"
	"mox/smtp"
)

// Errors of changes of the configuration, wrapped with what they are about and the cure.
var (
	ErrExists    = errors.New("it is there already")
	ErrNoAccount = errors.New("there is no such account in domains.conf")
	ErrNoAddress = errors.New("there is no such address in domains.conf")
	ErrInUse     = errors.New("it is in use")
)

// parseDomain parses a name that somebody has given.
func parseDomain(name string) (dns.Domain, error) {
	d, err := dns.ParseDomain(name)
	if err != nil {
		return d, fmt.Errorf("%q is not a domain name (%w); give one such as example.org", name, err)
	}
	return d, nil
}

// domainKey returns the key of a domain in the file, as it is written there.
func domainKey(d *config.Dynamic, name string) (string, dns.Domain, error) {
	domain, err := parseDomain(name)
	if err != nil {
		return "", domain, err
	}
	for key := range d.Domains {
		if k, err := dns.ParseDomain(key); err == nil && k == domain {
			return key, domain, nil
		}
	}
	return "", domain, fmt.Errorf("%w: %s; see \"mox config domain list\"", ErrNoDomain, domain.Name())
}

// changeDomain changes the entry of a domain.
func changeDomain(live *config.Live, name string, change func(*config.DynamicDomain) error) error {
	return live.Change(func(d *config.Dynamic) error {
		key, _, err := domainKey(d, name)
		if err != nil {
			return err
		}
		domain := d.Domains[key]
		if err := change(&domain); err != nil {
			return err
		}
		d.Domains[key] = domain
		return nil
	})
}

// NewDomain is a domain to add.
type NewDomain struct {
	Name        string
	Description string
	Account     string // Gets the reports about the domain. Empty for the account of the postmaster.
	Disabled    bool
}

// AddDomain adds a domain that signs its mail with new keys, and has a policy for TLS if a listener serves such. Errors
// wrap ErrExists, ErrNoAccount, or are those of config.Live.Change.
func AddDomain(live *config.Live, p NewDomain, now time.Time) error {
	domain, err := parseDomain(p.Name)
	if err != nil {
		return err
	}
	cfg := live.Current()
	if cfg.Domain(domain) != nil {
		return fmt.Errorf("domain %s: %w", domain.Name(), ErrExists)
	}
	if p.Account == "" {
		p.Account = cfg.Postmaster.Account
	}
	if cfg.Account(p.Account) == nil {
		return fmt.Errorf("%w: %s; see \"mox config account list\"", ErrNoAccount, p.Account)
	}
	keys := DKIMKeys(domain, now)
	if err := writeDKIMKeys(cfg.Dir, keys); err != nil {
		return fmt.Errorf("making keys for DKIM: %w", err)
	}
	return live.Change(func(d *config.Dynamic) error {
		if _, _, err := domainKey(d, p.Name); err == nil {
			return fmt.Errorf("domain %s: %w", domain.Name(), ErrExists)
		}
		entry := config.DynamicDomain{
			Description: p.Description,
			Disabled:    p.Disabled,
			DKIM:        SignWith(keys, strings.HasSuffix(cfg.Hostname.ASCII, "."+domain.ASCII)),
			MTASTS:      &config.DynamicMTASTS{PolicyID: now.UTC().Format("20060102T150405")},

			LocalpartCatchallSeparators: []string{"+"},
		}
		if !serves(cfg, config.WebMTASTS) {
			entry.MTASTS = nil
		}
		if d.Domains == nil {
			d.Domains = map[string]config.DynamicDomain{}
		}
		d.Domains[domain.Name()] = entry
		a := d.Accounts[p.Account]
		for localpart, mailbox := range map[smtp.Localpart]string{DMARCReports: DMARCMailbox, TLSReports: TLSMailbox} {
			setDestination(&a, smtp.Address{Localpart: localpart, Domain: domain}.String(), mailbox)
		}
		d.Accounts[p.Account] = a
		return nil
	})
}

// RemoveDomain removes a domain with its aliases, and the addresses that reports about it go to. It returns ErrInUse,
// with whom to ask, while accounts have other addresses at it. Keys stay where they are.
func RemoveDomain(live *config.Live, name string) error {
	return live.Change(func(d *config.Dynamic) error {
		key, domain, err := domainKey(d, name)
		if err != nil {
			return err
		}
		var users []string
		for _, account := range slices.Sorted(maps.Keys(d.Accounts)) {
			a := d.Accounts[account]
			if belongs, err := dns.ParseDomain(a.Domain); err == nil && belongs == domain {
				users = append(users, "account "+account+" (its Domain)")
			}
			for address := range a.Destinations {
				localpart, host := splitAddress(address)
				if host != domain {
					continue
				}
				if localpart == DMARCReports || localpart == TLSReports {
					delete(a.Destinations, address)
					continue
				}
				users = append(users, "account "+account+" ("+address+")")
			}
		}
		if len(users) > 0 {
			slices.Sort(users)
			return fmt.Errorf("domain %s: %w by %s; remove these first", domain.Name(), ErrInUse, strings.Join(users, ", "))
		}
		delete(d.Domains, key)
		return nil
	})
}

// splitAddress returns the parts of a key of Destinations, zero values if it is none. The localpart of "@domain" is
// empty.
func splitAddress(key string) (smtp.Localpart, dns.Domain) {
	if name, ok := strings.CutPrefix(key, "@"); ok {
		d, err := dns.ParseDomain(name)
		if err != nil {
			return "", dns.Domain{}
		}
		return "", d
	}
	a, err := smtp.ParseAddress(key)
	if err != nil {
		return "", dns.Domain{}
	}
	return smtp.Localpart(strings.ToLower(string(a.Localpart))), a.Domain
}

// SetDomainDisabled has mail to and from a domain refused for now, or taken again.
func SetDomainDisabled(live *config.Live, name string, disabled bool) error {
	return changeDomain(live, name, func(d *config.DynamicDomain) error {
		d.Disabled = disabled
		return nil
	})
}

// DomainInfo tells of a domain.
type DomainInfo struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Disabled    bool   `json:"disabled"`
	Addresses   int    `json:"addresses"`
	Aliases     int    `json:"aliases"`
}

// Domains returns all domains, sorted by name.
func Domains(cfg *config.Config) []DomainInfo {
	l := []DomainInfo{}
	for _, d := range cfg.Domains() {
		info := DomainInfo{Name: d.Domain.Name(), Description: d.Description, Disabled: d.Disabled}
		for _, a := range cfg.Accounts() {
			for _, address := range a.Addresses {
				if address.Domain == d.Domain {
					info.Addresses++
				}
			}
		}
		for _, a := range cfg.Aliases() {
			if a.Address.Domain == d.Domain {
				info.Aliases++
			}
		}
		l = append(l, info)
	}
	return l
}
