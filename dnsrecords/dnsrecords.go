package dnsrecords

import (
	"crypto"
	"net/netip"
	"slices"
	"strings"

	"mox/dns"
	"mox/mtasts"
	"mox/smtp"
)

// Need is what a record is needed for.
type Need string

// Needs, in the order in which records are returned and written.
const (
	Address    Need = "address"    // Addresses of the machine (A, AAAA).
	Reverse    Need = "reverse"    // Names of its addresses (PTR).
	MX         Need = "mx"         // Where mail for the domain goes.
	TLSA       Need = "tlsa"       // The keys of the machine (DANE, RFC 7672).
	SPF        Need = "spf"        // Which machines send for the domain.
	DKIM       Need = "dkim"       // Keys of signatures.
	DMARC      Need = "dmarc"      // What others do with mail that is not from the domain.
	TLSRPT     Need = "tlsrpt"     // Where reports about TLS go.
	MTASTS     Need = "mta-sts"    // That TLS is required for mail to the domain.
	Autoconfig Need = "autoconfig" // Where mail programs find settings.
	SRV        Need = "srv"        // Where the services for mail programs are.
	CAA        Need = "caa"        // Who issues certificates.
	DNSSEC     Need = "dnssec"     // That answers are authentic. No record of ours is for it.
)

// Record is a record to have in DNS.
type Record struct {
	Need Need   `json:"need"`
	Name string `json:"name"` // Absolute, in ASCII, with a dot at its end.
	Type string `json:"type"` // E.g. "TXT".

	// Value is the data as a zone file has it, on one line.
	Value string `json:"value"`

	// Text is that of a TXT record in one piece, for forms of DNS operators that split it themselves.
	Text string `json:"text,omitempty"`
}

// Host is what is known of the machine.
type Host struct {
	Name dns.Domain

	// IsDomain tells that the name is also that of a domain whose mail the machine receives and sends. The SPF record of
	// the name, of which there can be one only (RFC 7208 §3.2), is then among the records of that domain.
	IsDomain bool

	// IPs are the addresses at which others reach it.
	IPs []netip.Addr

	// TLSKeys are the public keys of the certificates that it offers on port 25, and of those that it will have
	// later. Without any there are no TLSA records.
	TLSKeys []crypto.PublicKey

	// CAs are who issues its certificates. Without any nothing is said about that in DNS.
	CAs []CA

	// Ports of the services for mail programs, zero for one that is not offered.
	Submission, Submissions, IMAP, IMAPS int
}

// CA is an issuer of certificates.
type CA struct {
	// Domain names it in CAA records, e.g. "letsencrypt.org".
	Domain string

	// AccountURI is that of the account there, by which alone certificates may be issued (RFC 8657 §3). It may be
	// empty.
	AccountURI string

	// Methods are the ways in which the domain is validated, e.g. "tls-alpn-01" (RFC 8657 §4). It may be empty.
	Methods []string
}

// Domain is what is known of a domain whose mail the machine receives and sends.
type Domain struct {
	Name      dns.Domain
	Selectors []Selector // Of DKIM.

	// SPF are terms for the SPF record besides "mx", for other machines that send for the domain, e.g.
	// "include:spf.example.net".
	SPF []string

	// Addresses that reports are to be sent to. Zero for none.
	DMARCReports, TLSReports smtp.Address

	// MTASTS is the id of the policy that the machine serves at the host name mta-sts below the domain (RFC 8461
	// §3.1). Empty for a domain without policy.
	MTASTS string

	// Policy is that policy, for CheckPolicy.
	Policy mtasts.Policy

	// Autoconfig tells that the machine serves settings for mail programs at the host name autoconfig below the
	// domain, and Autodiscover that it does so at autodiscover.
	Autoconfig, Autodiscover bool

	// ClientSettings is the name of the machine that mail programs are told. Zero for the name of the host.
	ClientSettings dns.Domain
}

// Selector is a key that mail is signed with, or will be.
type Selector struct {
	Name dns.Domain
	Key  crypto.PublicKey // RSA or Ed25519.
}

// clientName returns the name that mail programs connect to.
func (d *Domain) clientName(h *Host) dns.Domain {
	if d.ClientSettings.IsZero() {
		return h.Name
	}
	return d.ClientSettings
}

// below returns the absolute name of something below a domain.
func below(label string, d dns.Domain) string { return label + "." + d.Absolute() }

// within tells whether an absolute name is that of a domain or of something below it.
func within(name string, d dns.Domain) bool {
	return name == d.Absolute() || strings.HasSuffix(name, "."+d.Absolute())
}

// hasHost tells whether the machine has its name in the domain, so that the zone of the domain may have its records.
func (d *Domain) hasHost(h *Host) bool { return within(h.Name.Absolute(), d.Name) }

// ownSPF tells whether the SPF record of the machine's name comes with those of the domain.
func (d *Domain) ownSPF(h *Host) bool { return d.Name != h.Name && !h.IsDomain }

// hasAddress tells whether the machine has an address. It has any if its addresses are not known.
func (h *Host) hasAddress(ip netip.Addr) bool {
	return len(h.IPs) == 0 || slices.Contains(h.IPs, ip)
}
