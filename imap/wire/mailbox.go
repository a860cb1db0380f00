package wire

import (
	"strings"

	"mox/imap"
)

// Mailbox takes a mailbox name and returns it in canonical form: UTF-8 in form C, INBOX in
// capitals. Whether a mailbox may have the name is not checked, see [imap.CheckMailbox].
//
// A name that is malformed, as it has bad modified UTF-7 in it, fails with NO [CANNOT] rather
// than BAD: it is a good astring, no mailbox has that name, and none can.
func (d *Decoder) Mailbox() string {
	name, _ := d.MailboxForm()
	return name
}

// MailboxForm is Mailbox, and returns too what the peer wrote, decoded, if that is not in form C:
// a server tells it with the name that it made of it (OLDNAME, RFC 9051 §6.3.9.7). It is empty
// otherwise. INBOX in other letters is no other form.
func (d *Decoder) MailboxForm() (name, supplied string) {
	b := d.astring(isAString)
	if d.err != nil {
		return "", ""
	}
	name, supplied, err := d.decodeMailbox(b)
	if err != nil {
		d.fail(imap.No(imap.CodeCannot, "Mailbox name is not well-formed", err))
	}
	return name, supplied
}

// listMailbox takes the reference of LIST or a pattern, of characters as ok says. It returns false if it is
// malformed, so that no name can match, which is no error (RFC 9051 §6.3.9).
func (d *Decoder) listMailbox(ok func(c byte) bool) (string, bool) {
	b := d.astring(ok)
	if d.err != nil {
		return "", false
	}
	name, _, err := d.decodeMailbox(b)
	return name, err == nil
}

// decodeMailbox returns a name in canonical form, and as it was if that is not form C.
func (d *Decoder) decodeMailbox(b []byte) (name, supplied string, err error) {
	name = string(b)
	if !d.UTF8 && isASCII(b) {
		name, err = imap.DecodeUTF7(name)
	}
	// Otherwise it is UTF-8, also from a client of IMAP4rev1: it may try (RFC 9051 §5.1), and
	// curl does. No name in modified UTF-7 has octets above 127.
	if err != nil {
		return "", "", err
	}
	canonical, err := imap.CanonicalMailbox(name)
	if err != nil {
		return "", "", err
	}
	n := len(imap.Inbox)
	inbox := strings.HasPrefix(canonical, imap.Inbox) && len(canonical) == len(name) && canonical[n:] == name[n:]
	if canonical != name && !inbox {
		supplied = name
	}
	return canonical, supplied, nil
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
