package config

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"mox/dns"
)

// Selector is a key that mail of a domain is signed with.
type Selector struct {
	Name dns.Domain // Without the domain.
	Key  crypto.Signer

	HeaderRelaxed, BodyRelaxed bool
	Headers                    []string      // To sign; nil for the default.
	SealHeaders                bool          // The absence of further such fields is signed.
	Expiration                 time.Duration // Zero for none.
}

const (
	leastExpiration = time.Hour

	// Sizes of RSA keys in bits that signers may use, and all verifiers must take (RFC 8301 §3.2).
	leastRSA, mostRSA = 1024, 4096

	// maxKeyFile is more than a file with a key of mostRSA has, in bytes.
	maxKeyFile = 64 << 10
)

// DKIM returns as which domain, and with which selectors, a message with an address at domain in From is
// signed: as the domain itself if it has DKIM, else as the nearest one above that is configured to sign for what is
// below it. It returns no selectors for a message to be sent unsigned.
func (c *Config) DKIM(domain dns.Domain) (dns.Domain, []*Selector) {
	if d := c.domains[domain]; d != nil && d.DKIM != nil {
		return domain, d.DKIM.Sign
	}
	for _, name, ok := strings.Cut(domain.ASCII, "."); ok; _, name, ok = strings.Cut(name, ".") {
		above, err := dns.ParseDomain(name)
		if err != nil {
			break
		}
		if d := c.domains[above]; d != nil && d.DKIM != nil && d.DKIM.Subdomains {
			return d.Domain, d.DKIM.Sign
		}
	}
	return dns.Domain{}, nil
}

// dkim returns the parsed form of the settings of a domain, nil for none.
func (b *builder) dkim(field string, domain dns.Domain, s *DynamicDKIM) *DKIM {
	if s == nil {
		return nil
	}
	p := b.domain
	d := &DKIM{Subdomains: s.Subdomains}
	if !strings.Contains(domain.ASCII, ".") {
		p.addf(field, "cannot be for %s: a domain that signs has at least two labels (RFC 6376 §3.5); remove it", domain.Name())
	}
	if len(s.Selectors) == 0 {
		p.addf(field+".Selectors", "is empty; add one with its PrivateKeyFile, or remove DKIM")
	}
	names := map[string]*Selector{} // As in Sign.
	for _, name := range slices.Sorted(maps.Keys(s.Selectors)) {
		f := field + ".Selectors." + name
		sel := b.selector(f, domain, name, s.Selectors[name])
		if slices.ContainsFunc(d.Selectors, func(o *Selector) bool { return o.Name == sel.Name }) && !sel.Name.IsZero() {
			p.addf(f, "is the same name as another selector here; remove one")
		}
		d.Selectors = append(d.Selectors, sel)
		names[name] = sel
	}
	d.Sign = d.Selectors
	if s.Sign == nil {
		return d
	}
	d.Sign = nil
	for i, name := range s.Sign {
		f := fmt.Sprintf("%s.Sign[%d]", field, i)
		sel := names[name]
		switch {
		case sel == nil:
			p.addf(f, "there is no selector %q; use one of: %s", name, strings.Join(slices.Sorted(maps.Keys(names)), ", "))
		case slices.Contains(d.Sign, sel):
			p.addf(f, "selector %s is named twice; remove one", name)
		default:
			d.Sign = append(d.Sign, sel)
		}
	}
	return d
}

// selector returns the parsed form of one selector.
func (b *builder) selector(field string, domain dns.Domain, name string, s DynamicSelector) *Selector {
	p := b.domain
	canonicalization := func(name, value string) bool {
		return value == "" || choice(p, field+"."+name, value, map[string]bool{"relaxed": true, "simple": false})
	}
	sel := &Selector{
		HeaderRelaxed: canonicalization("HeaderCanonicalization", s.HeaderCanonicalization),
		BodyRelaxed:   canonicalization("BodyCanonicalization", s.BodyCanonicalization),
		Headers:       s.Headers,
		SealHeaders:   !s.DontSealHeaders,
		Expiration:    s.Expiration,
	}
	var err error
	// Each label of a selector is one of a host name (RFC 6376 §3.1), of which the last may be a number.
	if sel.Name, err = dns.ParseDomainLax(name); err != nil || strings.Contains(name, "_") || strings.HasSuffix(name, ".") {
		p.addf(field, "%q cannot be part of a name in DNS; use letters, digits and hyphens, e.g. 2026a", name)
	} else if _, err := dns.ParseDomainLax(sel.Name.ASCII + "._domainkey." + domain.ASCII); err != nil {
		p.addf(field, "is too long for a name in DNS with %s; choose a shorter one", domain.Name())
	}
	if s.Hash != "" {
		choice(p, field+".Hash", s.Hash, map[string]bool{"sha256": true})
	}
	if s.Headers != nil {
		p.signedHeaders(field+".Headers", s.Headers)
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

// signedHeaders checks names of header fields to sign.
func (p *problems) signedHeaders(field string, l []string) {
	seen := map[string]bool{}
	for i, name := range l {
		f := fmt.Sprintf("%s[%d]", field, i)
		lower := strings.ToLower(name)
		switch {
		case name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' || r == ';' }):
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
}

// readSigningKey returns the private key in a file. Errors say what to do.
func readSigningKey(path string) (crypto.Signer, error) {
	data, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("%s is not a PEM file with a \"PRIVATE KEY\", as PKCS #8 is; make one with \"mox dkim genrsa\" or \"mox dkim gened25519\"", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the key in %s cannot be used: %w; make a new one", path, err)
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return key, nil
	case *rsa.PrivateKey:
		switch bits := key.N.BitLen(); {
		case bits < leastRSA:
			return nil, fmt.Errorf("the RSA key in %s has %d bits, and others must not trust one of fewer than %d (RFC 8301 §3.2); make a new one, of 2048 bits", path, bits, leastRSA)
		case bits > mostRSA:
			return nil, fmt.Errorf("the RSA key in %s has %d bits, and others need not check more than %d (RFC 8301 §3.2); make a new one, of 2048 bits", path, bits, mostRSA)
		}
		return key, nil
	}
	return nil, fmt.Errorf("the key in %s is neither RSA nor Ed25519, the only ones of DKIM; make a new one", path)
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
