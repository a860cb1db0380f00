package smtpserver

import (
	"crypto/tls"
	"net/netip"

	"mox/pipeline"
)

// makeTrace makes the header fields that the server adds to every copy: Received on top
// (RFC 5321 §4.4), and below it what a submission lacks.
func (d *delivery) makeTrace() {
	d.trace = d.appendReceived(nil)
	if d.c.isSubmission() {
		d.trace = d.appendMissing(d.trace)
	}
}

// appendReceived appends a Received field.
func (d *delivery) appendReceived(b []byte) []byte {
	c := d.c
	b = append(b, "Received: "...)
	if !c.l.HideClient { // RFC 5321 §7.6.
		b = append(b, "from "...)
		b = append(b, c.hello...)
		b = append(b, " ("...)
		b = appendLiteral(b, c.remoteIP)
		b = append(b, ")\r\n\t"...)
	}
	b = append(b, "by "...)
	b = append(b, c.l.Hostname.ASCII...)
	b = append(b, " with "...)
	b = append(b, d.protocol()...)
	b = append(b, " id "...)
	b = append(b, d.env.ID...)
	// With several recipients "for" would tell each about the others (RFC 5321 §7.2).
	if to := d.tx.checks.Recipients(); len(to) == 1 {
		b = append(b, "\r\n\tfor "...)
		b = append(b, forPath(to[0], d.env.SMTPUTF8)...)
	}
	if c.tls != nil {
		// RFC 8314 §4.3.
		b = append(b, "\r\n\ttls "...)
		b = append(b, tls.CipherSuiteName(c.tls.CipherSuite)...)
	}
	b = append(b, ";\r\n\t"...)
	b = d.env.Received.AppendFormat(b, dateFormat)
	return append(b, "\r\n"...)
}

// dateFormat is date-time of RFC 5322 §3.3.
const dateFormat = "Mon, 2 Jan 2006 15:04:05 -0700"

func forPath(r pipeline.Recipient, utf8 bool) string { return r.Path.Pack(utf8) }

// protocol is the name of how the message came (RFC 3848, RFC 6531 §4.3).
func (d *delivery) protocol() string {
	c := d.c
	if !c.extended && c.tls == nil && c.login == nil {
		return "SMTP"
	}
	s := "ESMTP"
	if d.env.SMTPUTF8 {
		s = "UTF8SMTP"
	}
	if c.tls != nil {
		s += "S"
	}
	if c.login != nil {
		s += "A"
	}
	return s
}

// appendLiteral appends an address literal (RFC 5321 §4.1.3).
func appendLiteral(b []byte, ip netip.Addr) []byte {
	if !ip.IsValid() {
		return append(b, "unknown"...)
	}
	b = append(b, '[')
	if ip.Is6() {
		b = append(b, "IPv6:"...)
	}
	b = ip.WithZone("").AppendTo(b)
	return append(b, ']')
}
