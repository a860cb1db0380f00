package admin

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mox/config"
	"mox/dns"
	"mox/sasl"
	"mox/smtp"
)

// Mailboxes for reports about a domain.
const (
	DMARCMailbox = "Reports/DMARC"
	TLSMailbox   = "Reports/TLS"
)

// setDestination adds an address to an account. An empty mailbox is Inbox.
func setDestination(a *config.DynamicAccount, address, mailbox string) {
	if a.Destinations == nil {
		a.Destinations = map[string]config.DynamicDestination{}
	}
	a.Destinations[address] = config.DynamicDestination{Mailbox: mailbox}
}

// changeAccount changes the entry of an account.
func changeAccount(live *config.Live, name string, change func(*config.DynamicAccount) error) error {
	return live.Change(func(d *config.Dynamic) error {
		a, ok := d.Accounts[name]
		if !ok {
			return fmt.Errorf("%w: %s; see \"mox config account list\"", ErrNoAccount, name)
		}
		if err := change(&a); err != nil {
			return err
		}
		d.Accounts[name] = a
		return nil
	})
}

// destinationKey parses an address, or @ and a domain for all others there, and returns it as domains.conf has it. Its
// domain must be there.
func destinationKey(cfg *config.Config, s string) (key string, domain dns.Domain, err error) {
	if name, ok := strings.CutPrefix(s, "@"); ok {
		if domain, err = parseDomain(name); err != nil {
			return "", domain, err
		}
		key = "@" + domain.Name()
	} else {
		a, err := smtp.ParseAddress(s)
		if err != nil {
			return "", domain, fmt.Errorf("%q is not an address (%w); give one such as ann@example.org, or @example.org for all others there", s, err)
		}
		key, domain = a.String(), a.Domain
	}
	if cfg.Domain(domain) == nil {
		return "", domain, fmt.Errorf("%w: %s; add it with \"mox config domain add\"", ErrNoDomain, domain.Name())
	}
	return key, domain, nil
}

// owner returns the account that has an address as one of its own, in any spelling, and how domains.conf spells it.
func owner(cfg *config.Config, d *config.Dynamic, key string) (account, spelling string, ok bool) {
	same := func(other string) bool { return other == key || canonical(cfg, other) == canonical(cfg, key) }
	for name, a := range d.Accounts {
		for other := range a.Destinations {
			if same(other) {
				return name, other, true
			}
		}
	}
	return "", "", false
}

// canonical returns the form in which spellings of one address are equal.
func canonical(cfg *config.Config, key string) string {
	if name, ok := strings.CutPrefix(key, "@"); ok {
		if d, err := dns.ParseDomain(name); err == nil {
			return "@" + d.ASCII
		}
		return key
	}
	a, err := smtp.ParseAddress(key)
	if err != nil {
		return key
	}
	if d := cfg.Domain(a.Domain); d != nil {
		a.Localpart = d.Canonical(a.Localpart)
	}
	return a.Pack(false)
}

// NewAccount is an account to add.
type NewAccount struct {
	Name     string
	Address  string // Its first address.
	FullName string
}

// AddAccount adds an account, which has no password yet. Errors wrap ErrExists, ErrNoDomain, or are those of
// config.Live.Change.
func AddAccount(live *config.Live, p NewAccount) error {
	if err := config.CheckAccountName(p.Name); err != nil {
		return err
	}
	key, domain, err := destinationKey(live.Current(), p.Address)
	if err != nil {
		return err
	}
	if strings.HasPrefix(key, "@") {
		return fmt.Errorf("%q is not an address; the first one of an account is one to log in with, such as ann@example.org", p.Address)
	}
	return live.Change(func(d *config.Dynamic) error {
		if _, ok := d.Accounts[p.Name]; ok {
			return fmt.Errorf("account %s: %w", p.Name, ErrExists)
		}
		if other, _, ok := owner(live.Current(), d, key); ok {
			return fmt.Errorf("address %s of account %s: %w", key, other, ErrExists)
		}
		a := config.DynamicAccount{Domain: domain.Name(), FullName: p.FullName}
		setDestination(&a, key, "")
		d.Accounts[p.Name] = a
		return nil
	})
}

// RemoveAccount removes an account from the configuration, and its addresses from aliases. Its mail stays in the store.
// Errors wrap ErrNoAccount, or ErrInUse for the account of the postmaster and one that is the last of an alias.
func RemoveAccount(live *config.Live, name string) error {
	cfg := live.Current()
	if cfg.Postmaster.Account == name {
		return fmt.Errorf("account %s: %w as Postmaster in mox.conf; name another there and restart first", name, ErrInUse)
	}
	return live.Change(func(d *config.Dynamic) error {
		a, ok := d.Accounts[name]
		if !ok {
			return fmt.Errorf("%w: %s; see \"mox config account list\"", ErrNoAccount, name)
		}
		for key := range a.Destinations {
			if err := leaveAliases(cfg, d, key); err != nil {
				return err
			}
		}
		delete(d.Accounts, name)
		return nil
	})
}

// SetLoginDisabled has logins to an account refused with a reason, or allowed again for an empty one.
func SetLoginDisabled(live *config.Live, name, reason string) error {
	return changeAccount(live, name, func(a *config.DynamicAccount) error {
		a.LoginDisabled = reason
		return nil
	})
}

// Address is an address of an account, to be added or as it is.
type Address struct {
	Address string `json:"address"` // Or @ with a domain, for all others there.
	Account string `json:"account"`
	Mailbox string `json:"mailbox"` // Empty for Inbox.
}

// Addresses returns the addresses of all accounts, by account.
func Addresses(cfg *config.Config) []Address {
	l := []Address{}
	for _, a := range cfg.Accounts() {
		for _, address := range a.Addresses {
			text := address.String()
			if address.Localpart == "" {
				text = "@" + address.Domain.Name()
			}
			l = append(l, Address{text, a.Name, cfg.MailboxOf(address)})
		}
	}
	return l
}

// AddAddress adds an address. Errors wrap ErrExists, ErrNoDomain, ErrNoAccount, or are those of config.Live.Change.
func AddAddress(live *config.Live, p Address) error {
	key, _, err := destinationKey(live.Current(), p.Address)
	if err != nil {
		return err
	}
	return live.Change(func(d *config.Dynamic) error {
		if other, _, ok := owner(live.Current(), d, key); ok {
			return fmt.Errorf("address %s of account %s: %w", key, other, ErrExists)
		}
		a, ok := d.Accounts[p.Account]
		if !ok {
			return fmt.Errorf("%w: %s; see \"mox config account list\"", ErrNoAccount, p.Account)
		}
		setDestination(&a, key, p.Mailbox)
		d.Accounts[p.Account] = a
		return nil
	})
}

// RemoveAddress removes an address from its account, and from aliases. Errors wrap ErrNoAddress, or ErrInUse for the
// last one of an alias.
func RemoveAddress(live *config.Live, address string) error {
	cfg := live.Current()
	key, _, err := destinationKey(cfg, address)
	if err != nil {
		return err
	}
	return live.Change(func(d *config.Dynamic) error {
		account, spelling, ok := owner(cfg, d, key)
		if !ok {
			return fmt.Errorf("%w: %s; see \"mox config address list\"", ErrNoAddress, key)
		}
		if err := leaveAliases(cfg, d, key); err != nil {
			return err
		}
		delete(d.Accounts[account].Destinations, spelling)
		return nil
	})
}

// AccountInfo tells of an account.
type AccountInfo struct {
	Name          string   `json:"name"`
	Domain        string   `json:"domain"`
	FullName      string   `json:"fullName,omitempty"`
	LoginDisabled string   `json:"loginDisabled,omitempty"`
	Addresses     []string `json:"addresses"`
}

// Accounts returns all accounts, sorted by name.
func Accounts(cfg *config.Config) []AccountInfo {
	l := []AccountInfo{}
	for _, a := range cfg.Accounts() {
		info := AccountInfo{Name: a.Name, Domain: a.Domain.Name(), FullName: a.FullName, LoginDisabled: a.LoginDisabled, Addresses: []string{}}
		for _, address := range a.Addresses {
			if address.Localpart == "" {
				info.Addresses = append(info.Addresses, "@"+address.Domain.Name())
				continue
			}
			info.Addresses = append(info.Addresses, address.String())
		}
		l = append(l, info)
	}
	return l
}

// TLSKey is a key of a TLS client that logs in to an account without a password.
type TLSKey struct {
	Account string `json:"account"`
	Key     string `json:"key"` // SHA-256 of the public key, in base64.
}

// TLSKeys returns the keys of all accounts, by account.
func TLSKeys(cfg *config.Config) []TLSKey {
	l := []TLSKey{}
	for _, a := range cfg.Accounts() {
		for _, key := range a.TLSClientKeys {
			l = append(l, TLSKey{a.Name, base64.StdEncoding.EncodeToString(key[:])})
		}
	}
	return l
}

// AddTLSKey adds a key to an account. Errors wrap ErrNoAccount, ErrExists, or are those of config.Live.Change.
func AddTLSKey(live *config.Live, p TLSKey) error {
	key, err := parseTLSKey(p.Key)
	if err != nil {
		return err
	}
	if a := live.Current().LookupClientKey(key); a != nil {
		return fmt.Errorf("key %s of account %s: %w", p.Key, a.Name, ErrExists)
	}
	return changeAccount(live, p.Account, func(a *config.DynamicAccount) error {
		a.TLSClientKeys = append(a.TLSClientKeys, p.Key)
		return nil
	})
}

// ErrNoTLSKey is returned by RemoveTLSKey.
var ErrNoTLSKey = errors.New("no account has such a key")

// RemoveTLSKey removes a key from the account that has it. Errors wrap ErrNoTLSKey.
func RemoveTLSKey(live *config.Live, key string) error {
	return live.Change(func(d *config.Dynamic) error {
		for name, a := range d.Accounts {
			if i := slices.Index(a.TLSClientKeys, key); i >= 0 {
				a.TLSClientKeys = slices.Delete(a.TLSClientKeys, i, i+1)
				if len(a.TLSClientKeys) == 0 {
					a.TLSClientKeys = nil
				}
				d.Accounts[name] = a
				return nil
			}
		}
		return fmt.Errorf("%w: %s; see \"mox config tlspubkey list\"", ErrNoTLSKey, key)
	})
}

// parseTLSKey parses the SHA-256 of a public key.
func parseTLSKey(s string) (key sasl.KeyFingerprint, err error) {
	sum, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(sum) != len(key) {
		return key, fmt.Errorf("%q is not the SHA-256 of a public key in base64; give a certificate, or the line that \"mox config tlspubkey gen\" prints", s)
	}
	copy(key[:], sum)
	return key, nil
}
