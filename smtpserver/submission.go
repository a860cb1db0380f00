package smtpserver

import (
	"mox/message"
	"mox/smtp"
)

// checkAuthor makes sure that the account may say that it wrote the message, which SMTP itself does not
// (RFC 5321 §7.1): there is one From field, and all addresses in it are the account's own (RFC 6409 §6.1).
func (d *delivery) checkAuthor() error {
	refuse := func(text string) error {
		return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E560ContentOther, text, nil)
	}
	root := d.body.Root()
	if root.Defects&message.DefectHeaderTooLarge != 0 {
		return refuse("header too large")
	}
	n := 0
	var from []byte
	for f := range message.Fields(root.Header) {
		if f.Is("From") {
			n++
			from = f.Value
		}
	}
	if n != 1 {
		// Several would let the reader see another author than the one checked.
		return refuse("message must have exactly one From field")
	}
	addresses, ok := message.ParseAddresses(from)
	if !ok {
		return refuse("address in From is malformed") // Who reads it may find another author in it.
	}
	authors := 0
	for _, a := range addresses {
		if a.Kind != message.Mailbox {
			continue // Where a group begins or ends (RFC 6854).
		}
		address, err := smtp.ParseAddress(a.Addr())
		if err != nil {
			return refuse("address in From is malformed")
		}
		if !d.c.owns(address.Path()) {
			return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E571NotAuthorized, "address in From is not an address of your account", nil)
		}
		authors++
	}
	if authors == 0 {
		return refuse("no address in From")
	}
	return d.checkSenders()
}

// checkSenders makes sure that the fields which name who else had a hand in the message name the
// account too (RFC 5322 §3.6.2, §3.6.6; RFC 6409 §6.3).
func (d *delivery) checkSenders() error {
	for f := range message.Fields(d.body.Root().Header) {
		name := ""
		for _, s := range [...]string{"Sender", "Resent-From", "Resent-Sender"} {
			if f.Is(s) {
				name = s
			}
		}
		if name == "" {
			continue
		}
		addresses, ok := message.ParseAddresses(f.Value)
		if !ok {
			return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E560ContentOther, "address in "+name+" is malformed", nil)
		}
		for _, a := range addresses {
			if a.Kind != message.Mailbox {
				continue
			}
			if address, err := smtp.ParseAddress(a.Addr()); err != nil || !d.c.owns(address.Path()) {
				return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E571NotAuthorized, "address in "+name+" is not an address of your account", err)
			}
		}
	}
	return nil
}

// appendMissing appends the fields that every message must have, or should, and this one lacks, or has
// in a form that the header filter has taken out (RFC 6409 §8.2, §8.3).
func (d *delivery) appendMissing(b []byte) []byte {
	env := d.body.Root().Envelope
	if env.RawDate == nil {
		b = append(b, "Date: "...)
		date := d.env.Received
		if d.submitted != nil && !d.submitted.date.IsZero() {
			date = d.submitted.date // What was meant by the one that was taken out.
		}
		b = date.AppendFormat(b, dateFormat)
		b = append(b, "\r\n"...)
	}
	if env.RawMessageID == nil {
		b = append(b, "Message-ID: <"...)
		b = append(b, d.env.ID...)
		b = append(b, '@')
		b = append(b, d.c.l.Hostname.ASCII...)
		b = append(b, ">\r\n"...)
	}
	return b
}
