package wire

import "mox/imap"

// Mailbox takes a mailbox name and returns it in canonical form: UTF-8 in form C, INBOX in
// capitals. Whether a mailbox may have the name is not checked, see [imap.CheckMailbox].
//
// A name that is malformed, as it has bad modified UTF-7 in it, fails with NO [CANNOT] rather
// than BAD: it is a good astring, no mailbox has that name, and none can.
func (d *Decoder) Mailbox() string { return d.mailboxName(isAString) }

// ListMailbox takes a mailbox name that may have wildcards (list-mailbox in RFC 9051 §9).
func (d *Decoder) ListMailbox() string { return d.mailboxName(isListChar) }

func (d *Decoder) mailboxName(ok func(c byte) bool) string {
	b := d.astring(ok)
	if d.err != nil {
		return ""
	}
	name := string(b)
	var err error
	if !d.UTF8 && isASCII(b) {
		name, err = imap.DecodeUTF7(name)
	}
	// Otherwise it is UTF-8, also from a client of IMAP4rev1: it may try (RFC 9051 §5.1), and
	// curl does. No name in modified UTF-7 has octets above 127.
	if err == nil {
		name, err = imap.CanonicalMailbox(name)
	}
	if err != nil {
		d.fail(imap.No(imap.CodeCannot, "Mailbox name is not well-formed", err))
		return ""
	}
	return name
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
