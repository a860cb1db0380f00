package config

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"mox/dkim"
	"mox/dns"
	"mox/message"
)

const (
	leastExpiration = time.Hour

	// Sizes of RSA keys in bits that signers may use, and all verifiers must take (RFC 8301 §3.2).
	leastRSA, mostRSA = 1024, 4096

	// maxKeyFile is more than a file with a key of mostRSA has, in bytes.
	maxKeyFile = 64 << 10
)

// DKIM returns how a message with an address at a domain in its From field is signed: as the domain itself if it has
// DKIM, else as the nearest one above that is configured to sign for what is below it. It returns nil for a message
// to be sent unsigned.
func (c *Config) DKIM(from dns.Domain) *DKIM {
	if d := c.domains[from]; d != nil && d.DKIM != nil {
		return d.DKIM
	}
	for _, name, ok := strings.Cut(from.ASCII, "."); ok; _, name, ok = strings.Cut(name, ".") {
		above, err := dns.ParseDomain(name)
		if err != nil {
			break
		}
		if d := c.domains[above]; d != nil && d.DKIM != nil && d.DKIM.Subdomains {
			return d.DKIM
		}
	}
	return nil
}

// SelectorNames returns the names of the selectors that are signed with, for logs.
func (d *DKIM) SelectorNames() []string {
	names := make([]string, len(d.Sign))
	for i, sel := range d.Sign {
		names[i] = sel.Name.ASCII
	}
	return names
}

// dkim returns the parsed form of the settings of a domain, nil for none or if they have a problem.
func (b *builder) dkim(field string, domain dns.Domain, s *DynamicDKIM) *DKIM {
	if s == nil {
		return nil
	}
	p := b.domain
	before := len(p.list)
	d := &DKIM{Domain: domain, Subdomains: s.Subdomains}
	if !strings.Contains(domain.ASCII, ".") {
		p.addf(field, "cannot be for %s: a domain that signs has at least two labels (RFC 6376 §3.5); remove it", domain.Name())
	}
	if len(s.Selectors) == 0 {
		p.addf(field+".Selectors", "is empty; add one with its PrivateKeyFile, or remove DKIM")
	}
	keys := slices.Sorted(maps.Keys(s.Selectors))
	for _, name := range keys {
		f := field + ".Selectors." + name
		sel := b.selector(f, domain, name, s.Selectors[name])
		if slices.ContainsFunc(d.Selectors, func(o dkim.Selector) bool { return o.Name == sel.Name }) && !sel.Name.IsZero() {
			p.addf(f, "is the same name as another selector here; remove one")
		}
		d.Selectors = append(d.Selectors, sel)
	}
	d.Sign = d.Selectors
	if s.Sign != nil {
		d.Sign = nil
		for i, name := range s.Sign {
			f := fmt.Sprintf("%s.Sign[%d]", field, i)
			switch at := slices.Index(keys, name); {
			case at < 0:
				p.addf(f, "there is no selector %q; use one of: %s", name, strings.Join(keys, ", "))
			case slices.Contains(s.Sign[:i], name):
				p.addf(f, "selector %s is named twice; remove one", name)
			default:
				d.Sign = append(d.Sign, d.Selectors[at])
			}
		}
	}
	if len(p.list) > before {
		return nil
	}
	var err error
	if d.Signer, err = dkim.NewSigner(dkim.SignerOptions{Domain: domain, Selectors: d.Sign}); err != nil {
		p.addf(field, "%v; correct it", err)
		return nil
	}
	return d
}

// selector returns the parsed form of one selector.
func (b *builder) selector(field string, domain dns.Domain, name string, s DynamicSelector) dkim.Selector {
	p := b.domain
	canonicalization := func(name, value string) dkim.Canonicalization {
		if value == "" {
			return dkim.Relaxed
		}
		return choice(p, field+"."+name, value, map[string]dkim.Canonicalization{"relaxed": dkim.Relaxed, "simple": dkim.Simple})
	}
	sel := dkim.Selector{
		Header:   canonicalization("HeaderCanonicalization", s.HeaderCanonicalization),
		Body:     canonicalization("BodyCanonicalization", s.BodyCanonicalization),
		Lifetime: s.Expiration,
	}
	sel.Oversigned, sel.Signed = p.signedHeaders(field+".Headers", s.Headers)
	if s.DontSealHeaders {
		sel.Oversigned, sel.Signed = nil, slices.Concat(sel.Oversigned, sel.Signed)
	}
	var err error
	// Each label of a selector is one of a host name (RFC 6376 §3.1), of which the last may be a number.
	if sel.Name, err = dns.ParseDomainLax(name); err != nil || strings.Contains(name, "_") || strings.HasSuffix(name, ".") {
		p.addf(field, "%q cannot be part of a name in DNS; use letters, digits and hyphens, e.g. 2026a", name)
	} else if _, err := dns.ParseDomainLax(dkim.KeyName(sel.Name, domain)); err != nil {
		p.addf(field, "is too long for a name in DNS with %s; choose a shorter one", domain.Name())
	}
	if s.Hash != "" {
		choice(p, field+".Hash", s.Hash, map[string]bool{"sha256": true})
	}
	if s.Expiration != 0 && s.Expiration < leastExpiration {
		p.addf(field+".Expiration", "%s is too short; use at least %s, or remove it", s.Expiration, leastExpiration)
	}
	if sel.Key, err = readSigningKey(b.path(s.PrivateKeyFile)); err != nil {
		p.addf(field+".PrivateKeyFile", "%v", err)
	}
	return sel
}

// unsignable are fields that change on the way of a message, or are added to it (RFC 6376 §3.5, §5.4).
var unsignable = []string{"Received", "Return-Path", "DKIM-Signature", "Authentication-Results", "Delivered-To", "Bcc"}

// signedHeaders checks names of header fields to sign. It returns those whose absence is signed too, and others.
func (p *problems) signedHeaders(field string, l []string) (sealed, signed []string) {
	if l == nil {
		return dkim.DefaultOversigned(), dkim.DefaultSigned()
	}
	seen := map[string]bool{}
	for i, name := range l {
		f := fmt.Sprintf("%s[%d]", field, i)
		lower := strings.ToLower(name)
		switch {
		case !message.ValidFieldName(name) || strings.Contains(name, ";"):
			p.addf(f, "%q is not the name of a header field; write e.g. Subject", name)
		case slices.ContainsFunc(unsignable, func(u string) bool { return strings.EqualFold(u, name) }):
			p.addf(f, "%s changes on the way, which would break signatures; remove it", name)
		case seen[lower]:
			p.addf(f, "%s is named twice; remove one", name)
		}
		seen[lower] = true
	}
	if !seen["from"] {
		p.addf(field, "lacks From, which must be signed (RFC 6376 §5.4); add it")
	}
	return l, nil
}

// readSigningKey returns the private key in a file. Errors say what to do.
func readSigningKey(path string) (crypto.Signer, error) {
	data, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	key, err := dkim.ParsePrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s has no key to sign with (%w), RSA or Ed25519 as PEM; make one with \"mox dkim genrsa\" or \"mox dkim gened25519\"", path, err)
	}
	if pub, ok := key.Public().(*rsa.PublicKey); ok {
		switch bits := pub.N.BitLen(); {
		case bits < leastRSA:
			return nil, fmt.Errorf("the RSA key in %s has %d bits, and others must not trust one of fewer than %d (RFC 8301 §3.2); make a new one, of 2048 bits", path, bits, leastRSA)
		case bits > mostRSA:
			return nil, fmt.Errorf("the RSA key in %s has %d bits, and others need not check more than %d (RFC 8301 §3.2); make a new one, of 2048 bits", path, bits, mostRSA)
		}
	}
	return key, nil
}

// readKeyFile returns the content of a file with a private key, which it refuses if others can read or change it.
func readKeyFile(path string) ([]byte, error) {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s does not exist; correct the path, or make a key with \"mox dkim genrsa\" or \"mox dkim gened25519\"", path)
	case err != nil:
		return nil, fmt.Errorf("%w; make it readable for mox", err)
	case !fi.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file; name the PEM file with the key", path)
	case fi.Mode().Perm()&0o037 != 0:
		return nil, fmt.Errorf("%s can be read or changed by others than its owner and group (mode %04o), and who has the key can send in the name of the domain; run chmod 640 on it", path, fi.Mode().Perm())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w; make it readable for mox", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return data, nil
}
