package config

import (
	"encoding/base64"
	"fmt"
	"slices"

	"mox/sasl"
	"mox/smtp"
)

// optionalMechanisms are the SASL mechanisms that an account may have besides the usual ones, better
// ones first.
var optionalMechanisms = []string{sasl.SCRAMSHA1, sasl.CRAMMD5}

// knownMechanisms are all SASL mechanisms, in the order in which they are offered.
var knownMechanisms = []string{
	sasl.SCRAMSHA256Plus, sasl.SCRAMSHA256, sasl.SCRAMSHA1Plus, sasl.SCRAMSHA1, sasl.CRAMMD5, sasl.External, sasl.Plain, sasl.Login,
}

// logins adds the ways to log in to an account besides those that every account has.
func (b *builder) logins(field string, a *Account, s DynamicAccount) {
	p := b.domain
	for i, m := range s.PasswordMechanisms {
		if !slices.Contains(optionalMechanisms, m) {
			p.addf(fmt.Sprintf("%s.PasswordMechanisms[%d]", field, i), "%q is not one of %q; the usual mechanisms need not be listed", m, optionalMechanisms)
		}
	}
	// Each once, in our order.
	for _, m := range optionalMechanisms {
		if slices.Contains(s.PasswordMechanisms, m) {
			a.PasswordMechanisms = append(a.PasswordMechanisms, m)
			b.cfg.mechanisms[m] = true
		}
	}
	for i, text := range s.TLSClientKeys {
		f := fmt.Sprintf("%s.TLSClientKeys[%d]", field, i)
		var key sasl.KeyFingerprint
		sum, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || copy(key[:], sum) != len(key) || len(sum) != len(key) {
			p.addf(f, "%q is not a SHA-256 in base64; see the description of the field for how to make one", text)
			continue
		}
		if other := b.cfg.clientKeys[key]; other != nil {
			p.addf(f, "is a key of account %s already; remove one", other.Name)
			continue
		}
		b.cfg.clientKeys[key] = a
		a.TLSClientKeys = append(a.TLSClientKeys, key)
	}
}

// PasswordMechanisms returns those of SCRAM-SHA-1 and CRAM-MD5 that some account has.
func (c *Config) PasswordMechanisms() []string {
	var l []string
	for _, m := range optionalMechanisms {
		if c.mechanisms[m] {
			l = append(l, m)
		}
	}
	return l
}

// LookupClientKey returns the account that a key of a TLS client is registered for, or nil.
func (c *Config) LookupClientKey(key sasl.KeyFingerprint) *Account { return c.clientKeys[key] }

// HasClientKeys tells whether any account can log in with a TLS client key.
func (c *Config) HasClientKeys() bool { return len(c.clientKeys) > 0 }

// LoginKey returns a form of a user name that is the same for all spellings that LookupLogin
// takes for the same one. It says nothing about whether there is such a user.
func (c *Config) LoginKey(username string) string {
	address, err := smtp.ParseAddress(username)
	if err != nil {
		return username
	}
	if d := c.domains[address.Domain]; d != nil {
		address.Localpart = d.significant(d.fold(address.Localpart))
	}
	return address.String()
}
