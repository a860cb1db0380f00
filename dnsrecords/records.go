package dnsrecords

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"mox/autotls"
	"mox/dkim"
	"mox/dmarc"
	"mox/dns"
	"mox/smtp"
)

// Records returns the records to have for a domain. It returns an error for a key that cannot be published.
func Records(d Domain, h Host) ([]Record, error) {
	l := hostRecords(&h)
	l = append(l, Record{Need: MX, Name: d.Name.Absolute(), Type: "MX", Value: "10 " + h.Name.Absolute()})
	for _, key := range h.TLSKeys {
		t, err := autotls.TLSA(key)
		if err != nil {
			return nil, err
		}
		l = append(l, Record{Need: TLSA, Name: tlsaName(&h), Type: "TLSA", Value: t.Record()})
	}
	l = append(l, text(SPF, d.Name.Absolute(), domainSPF(&d)))
	if d.ownSPF(&h) {
		l = append(l, text(SPF, h.Name.Absolute(), hostSPF))
	}
	for _, sel := range d.Selectors {
		r, err := dkim.NewRecord(sel.Key)
		if err != nil {
			return nil, fmt.Errorf("selector %s: %w", sel.Name.Name(), err)
		}
		l = append(l, text(DKIM, dkim.KeyName(sel.Name, d.Name), r.String()))
	}
	l = append(l, text(DMARC, below("_dmarc", d.Name), domainDMARC(&d)))
	if !d.TLSReports.IsZero() {
		l = append(l, text(TLSRPT, below("_smtp._tls", d.Name), "v=TLSRPTv1; rua="+mailto(d.TLSReports)))
	}
	if d.MTASTS != "" {
		l = append(l,
			text(MTASTS, below("_mta-sts", d.Name), "v=STSv1; id="+d.MTASTS),
			alias(MTASTS, below("mta-sts", d.Name), h.Name))
	}
	l = append(l, clientRecords(&d, &h)...)
	return append(l, caaRecords(&d, &h)...), nil
}

// hostRecords returns the records of the machine's name and addresses.
func hostRecords(h *Host) []Record {
	l := addressRecords(Address, h.Name, h.IPs)
	for _, ip := range h.IPs {
		l = append(l, Record{Need: Reverse, Name: ReverseName(ip), Type: "PTR", Value: h.Name.Absolute()})
	}
	return l
}

// addressRecords returns the records of the addresses of a name.
func addressRecords(n Need, name dns.Domain, ips []netip.Addr) []Record {
	var l []Record
	for _, ip := range ips {
		typ := "A"
		if ip.Is6() {
			typ = "AAAA"
		}
		l = append(l, Record{Need: n, Name: name.Absolute(), Type: typ, Value: ip.String()})
	}
	return l
}

// ReverseName returns the name of an address in reverse DNS (RFC 1035 §3.5, RFC 3596 §2.5).
func ReverseName(ip netip.Addr) string {
	var b strings.Builder
	bytes := ip.Unmap().AsSlice()
	for i := len(bytes) - 1; i >= 0; i-- {
		if ip.Unmap().Is4() {
			fmt.Fprintf(&b, "%d.", bytes[i])
		} else {
			fmt.Fprintf(&b, "%x.%x.", bytes[i]&0xf, bytes[i]>>4)
		}
	}
	if ip.Unmap().Is4() {
		return b.String() + "in-addr.arpa."
	}
	return b.String() + "ip6.arpa."
}

func tlsaName(h *Host) string { return below("_25._tcp", h.Name) }

// hostSPF is for the name in EHLO, which also counts as sender of delivery reports (RFC 7208 §2.3, §2.4).
const hostSPF = "v=spf1 a -all"

// domainSPF ends in ~all so that forwarded mail with a valid DKIM signature gets as far as DMARC (RFC 7489 §10.1).
func domainSPF(d *Domain) string {
	terms := append([]string{"v=spf1", "mx"}, d.SPF...)
	return strings.Join(append(terms, "~all"), " ")
}

func domainDMARC(d *Domain) string {
	r := dmarc.NewRecord(dmarc.PolicyReject)
	if !d.DMARCReports.IsZero() {
		r.AggregateReports = []dmarc.URI{{Address: mailto(d.DMARCReports)}}
	}
	return r.String()
}

// mailto returns the URI of an address (RFC 6068), with what has a meaning in the lists of records escaped.
func mailto(a smtp.Address) string {
	var b strings.Builder
	b.WriteString("mailto:")
	localpart := a.Localpart.String()
	for i := range len(localpart) {
		c := localpart[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~+", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String() + "@" + a.Domain.ASCII
}

// service is one that mail programs look for (RFC 6186 §3, RFC 8314 §5.1).
type service struct {
	label string
	port  int // Zero if it is not offered.
}

func (h *Host) services() []service {
	return []service{
		{"_submissions", h.Submissions}, {"_submission", h.Submission}, {"_imaps", h.IMAPS}, {"_imap", h.IMAP}, {"_pop3s", 0}, {"_pop3", 0},
	}
}

// target returns the record of a service: one that is not offered has the root as target (RFC 6186 §3.4).
func (s service) target(name dns.Domain) net.SRV {
	if s.port == 0 {
		return net.SRV{Target: "."}
	}
	return net.SRV{Weight: 1, Port: uint16(s.port), Target: name.Absolute()}
}

func srvText(s net.SRV) string {
	return strings.Join([]string{strconv.Itoa(int(s.Priority)), strconv.Itoa(int(s.Weight)), strconv.Itoa(int(s.Port)), s.Target}, " ")
}

// clientRecords are for mail programs.
func clientRecords(d *Domain, h *Host) []Record {
	var l []Record
	switch c := d.clientName(h); {
	case c == h.Name:
	case c == d.Name:
		// Beside its other records there can be no alias (RFC 1034 §3.6.2).
		l = append(l, addressRecords(Autoconfig, c, h.IPs)...)
	case within(c.Absolute(), d.Name):
		l = append(l, alias(Autoconfig, c.Absolute(), h.Name))
	}
	if d.Autoconfig {
		l = append(l, alias(Autoconfig, below("autoconfig", d.Name), h.Name))
	}
	if d.Autodiscover {
		l = append(l, alias(Autoconfig, below("autodiscover", d.Name), h.Name))
	}
	for _, s := range h.services() {
		l = append(l, Record{Need: SRV, Name: below(s.label+"._tcp", d.Name), Type: "SRV", Value: srvText(s.target(d.clientName(h)))})
	}
	return l
}

// caaRecords name who may issue certificates, for the domain and what is below it, and for the machine if that is
// elsewhere.
func caaRecords(d *Domain, h *Host) []Record {
	names := []string{d.Name.Absolute()}
	if !d.hasHost(h) {
		names = append(names, h.Name.Absolute())
	}
	var l []Record
	for _, name := range names {
		for _, ca := range h.CAs {
			l = append(l, Record{Need: CAA, Name: name, Type: "CAA", Value: ca.record().String()})
		}
	}
	return l
}

// record returns the record that allows a CA to issue (RFC 8659 §4.2).
func (ca CA) record() dns.CAA {
	value := ca.Domain
	if ca.AccountURI != "" {
		value += "; accounturi=" + ca.AccountURI
	}
	if len(ca.Methods) > 0 {
		value += "; validationmethods=" + strings.Join(ca.Methods, ",")
	}
	return dns.CAA{Tag: "issue", Value: value}
}

func alias(n Need, name string, target dns.Domain) Record {
	return Record{Need: n, Name: name, Type: "CNAME", Value: target.Absolute()}
}

func text(n Need, name, s string) Record {
	return Record{Need: n, Name: name, Type: "TXT", Value: textStrings(s), Text: s}
}

// textStrings returns a text as strings of a zone file, each of at most 255 bytes (RFC 1035 §3.3).
func textStrings(s string) string {
	var l []string
	for len(s) > 255 {
		l = append(l, dns.QuoteString(s[:255]))
		s = s[255:]
	}
	return strings.Join(append(l, dns.QuoteString(s)), " ")
}
