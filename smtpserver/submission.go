package smtpserver

import (
	"bytes"
	"io"

	"mox/message"
	"mox/smtp"
)

// checkAuthor makes sure that the account may say that it wrote the message: there is one From
// field, and all addresses in it are the account's own (RFC 6409 §6.1).
func (d *delivery) checkAuthor() error {
	refuse := func(text string) error {
		return smtp.NewError(smtp.C550MailboxUnavailable, smtp.E560ContentOther, text, nil)
	}
	root := d.body.Root()
	if root.Defects&message.DefectHeaderTooLarge != 0 {
		return refuse("header too large")
	}
	n := 0
	for f := range message.Fields(root.Header) {
		if f.Is("From") {
			n++
		}
	}
	if n != 1 {
		// Several would let the reader see another author than the one checked.
		return refuse("message must have exactly one From field")
	}
	authors := 0
	for _, a := range root.Envelope.From {
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
		addresses, _ := message.ParseAddresses(f.Value)
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

// appendMissing appends the fields that every message must have, or should, and this one lacks
// (RFC 6409 §8.2, §8.3).
func (d *delivery) appendMissing(b []byte) []byte {
	env := d.body.Root().Envelope
	if env.RawDate == nil {
		b = append(b, "Date: "...)
		b = d.env.Received.AppendFormat(b, dateFormat)
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

// isPrivate tells whether a header field is for the submission server only: the hidden
// recipients (RFC 5322 §3.6.3), and a Return-Path, which only final delivery may add (RFC 5321
// §4.4).
func isPrivate(name []byte) bool {
	for _, s := range [...]string{"Bcc", "Resent-Bcc", "Return-Path"} {
		if len(name) == len(s) && bytes.EqualFold(name, []byte(s)) {
			return true
		}
	}
	return false
}

// maxPrivateName is more than the longest name of isPrivate, with some space after it.
const maxPrivateName = 32

// bccFilter drops private fields from the header of a message on its way to w.
type bccFilter struct {
	w    io.Writer
	body bool // The header is over.

	// line is the beginning of a header line of which it is not known yet what it is.
	line   []byte
	inLine bool // It is known, and the rest of the line follows.
	drop   bool // Of this line, and of those that continue it.
}

// Write takes the next bytes of the message.
func (f *bccFilter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		piece := p
		switch {
		case f.body:
			p = nil
		case f.inLine:
			if i := bytes.IndexByte(p, '\n'); i >= 0 {
				piece, f.inLine = p[:i+1], false
			}
			p = p[len(piece):]
			if f.drop {
				continue
			}
		default:
			f.line = append(f.line, p[0])
			p = p[1:]
			if !f.decide() {
				continue
			}
			piece, f.line = f.line, f.line[:0]
			if f.drop && !f.body {
				continue
			}
		}
		if _, err := f.w.Write(piece); err != nil {
			return n - len(p), err
		}
	}
	return n, nil
}

// decide tells whether line shows what it is, and sets the fields if it does.
func (f *bccFilter) decide() bool {
	last := f.line[len(f.line)-1]
	switch {
	case len(f.line) == 1 && (last == ' ' || last == '\t'):
		f.inLine = true // It continues the line before.
	case last == '\n':
		f.body = len(bytes.TrimRight(f.line, "\r\n")) == 0
		f.drop = false
	case last == ':':
		f.drop = isPrivate(bytes.TrimRight(f.line[:len(f.line)-1], " \t"))
		f.inLine = true
	case len(f.line) == maxPrivateName:
		f.drop, f.inLine = false, true
	default:
		return false
	}
	return true
}

// Close ends the message.
func (f *bccFilter) Close() error {
	_, err := f.w.Write(f.line)
	f.line = nil
	return err
}
