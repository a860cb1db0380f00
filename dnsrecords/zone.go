package dnsrecords

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// ZoneOptions say how records are written.
type ZoneOptions struct {
	// Relative has names written relative to the domain, after a line with $ORIGIN. By default they are absolute.
	Relative bool
}

// WriteZone writes the records of [Records] for a domain as an excerpt of its zone file, in groups with a comment
// that says what they are for. Records that belong into another zone, as those of reverse DNS, are comments.
func WriteZone(w io.Writer, d Domain, h Host, records []Record, opts ZoneOptions) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "; Records of %s, for its zone file.\n", d.Name.Name())
	if opts.Relative {
		fmt.Fprintf(&b, "$ORIGIN %s\n", d.Name.Absolute())
	}
	for len(records) > 0 {
		n := 1
		for n < len(records) && records[n].Need == records[0].Need {
			n++
		}
		writeGroup(&b, &d, &h, records[:n], opts)
		records = records[n:]
	}
	_, err := w.Write(b.Bytes())
	return err
}

// writeGroup writes records that are needed for the same.
func writeGroup(b *bytes.Buffer, d *Domain, h *Host, records []Record, opts ZoneOptions) {
	b.WriteByte('\n')
	for line := range strings.Lines(purpose(records[0].Need, d, h)) {
		b.WriteString("; " + line)
	}
	b.WriteByte('\n')
	var elsewhere []Record
	for _, r := range records {
		if !within(r.Name, d.Name) {
			elsewhere = append(elsewhere, r)
			continue
		}
		name, value := r.Name, r.Value
		if opts.Relative {
			name = relative(name, d)
		}
		writeRecord(b, name, r.Type, value)
	}
	if len(elsewhere) > 0 && elsewhere[0].Type == "PTR" {
		b.WriteString("; They are set where the addresses come from, by your provider:\n")
	} else if len(elsewhere) > 0 {
		fmt.Fprintf(b, "; In the zone of %s:\n", h.Name.Name())
	}
	for _, r := range elsewhere {
		b.WriteString("; ")
		writeRecord(b, r.Name, r.Type, r.Value)
	}
}

func writeRecord(b *bytes.Buffer, name, typ, value string) {
	if typ == "TXT" && strings.Contains(value, `" "`) {
		value = "( " + value + " )"
	}
	fmt.Fprintf(b, "%s IN %s %s\n", name, typ, value)
}

// relative returns a name as it is written after $ORIGIN with the domain.
func relative(name string, d *Domain) string {
	if name == d.Name.Absolute() {
		return "@"
	}
	return strings.TrimSuffix(name, "."+d.Name.Absolute())
}

// purpose tells what records are for.
func purpose(n Need, d *Domain, h *Host) string {
	host := h.Name.Name()
	switch n {
	case Address:
		return "The machine, " + host + "."
	case Reverse:
		return "Reverse DNS: the names of its addresses. Many servers refuse mail from an address\nwhose name does not lead back to it."
	case MX:
		return "Mail for the domain goes to " + host + ". Remove other MX records."
	case TLSA:
		return "DANE: the keys that the machine has in its certificates. Servers that look for them then\nrequire TLS with one of these keys. They count only in a zone signed with DNSSEC."
	case SPF:
		return "SPF: who sends mail of the domain. A name has one such record: if there is one already,\nadd to that what is missing."
	case DKIM:
		return "DKIM: the keys that mail of the domain is signed with."
	case DMARC:
		return "DMARC: what others do with mail that claims to be from the domain and is not, and where they\nreport it to. If other machines still send for the domain, begin with p=none."
	case TLSRPT:
		return "TLS reporting: where others report to if they cannot deliver with TLS."
	case MTASTS:
		return "MTA-STS: others must use TLS for mail to the domain. The id changes with each change of the\npolicy, which is served at https://mta-sts." + d.Name.Name() + "/.well-known/mta-sts.txt."
	case Autoconfig:
		return "Names at which mail programs find settings for their users."
	case SRV:
		return "Services for mail programs. The target \".\" says that one is not offered."
	case CAA:
		return "CAA: who may issue certificates for names in the domain. If those of other servers come from\nelsewhere, add their issuers, or leave this out."
	}
	return string(n)
}
