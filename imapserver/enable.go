package imapserver

import (
	"strings"

	"mox/imap"
)

// extension is what ENABLE can enable, as a set of bits.
type extension uint8

const (
	extCondstore extension = 1 << iota // RFC 7162 §3.1.
	extRev2                            // RFC 9051 §6.3.1.
)

// extensionNames are the names of the extensions in the order of their bits.
var extensionNames = [...]string{"CONDSTORE", "IMAP4rev2"}

// handleEnable carries out ENABLE (RFC 9051 §6.3.1, §7.2.1, RFC 5161 §3.1). Extensions that are unknown or need no
// enabling are ignored. With a mailbox selected it is allowed, as other servers do.
func (c *conn) handleEnable(_ *request) (imap.Code, error) {
	var want extension
	for n := 0; n == 0 || !c.dec.AtEnd(); n++ {
		c.dec.SP()
		name := string(c.dec.Atom())
		if c.dec.Err() != nil {
			break
		}
		for i, known := range extensionNames {
			if strings.EqualFold(name, known) {
				want |= 1 << i
			}
		}
	}
	if err := c.end(); err != nil {
		return "", err
	}
	if want&extCondstore != 0 {
		c.enableCondstore()
	}
	if want&extRev2 != 0 {
		c.enableRev2()
	}
	// RFC 9051 §6.3.1: only what this command enabled, and not by one before it.
	news := want &^ c.enabled
	c.enabled |= want
	c.enc.Untagged().Atom("ENABLED")
	for i, name := range extensionNames {
		if news&(1<<i) != 0 {
			c.enc.Atom(name)
		}
	}
	c.enc.CRLF()
	return "", nil
}

// enableRev2 makes responses those of IMAP4rev2 from now on, and mailbox names UTF-8 (RFC 9051 §5.1).
func (c *conn) enableRev2() {
	c.rev2 = true
	c.dec.UTF8, c.enc.UTF8 = true, true
}

// enableCondstore makes FETCH responses tell MODSEQ from now on. The first command that does so with a mailbox
// selected is told its highest modseq (RFC 7162 §3.1), as far as the client has heard of changes.
func (c *conn) enableCondstore() {
	if c.condstore {
		return
	}
	c.condstore = true
	if c.selected != nil {
		c.tellHighestModSeq()
	}
}

func (c *conn) tellHighestModSeq() {
	// RFC 7162 §3.1.2.1: a mailbox that never changed has a modseq of 1.
	c.enc.Status(nil, imap.StatusOK, imap.HighestModSeq(max(c.selected.View().ModSeq(), 1)), "Highest modseq")
}
