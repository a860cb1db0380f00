package imapserver

import (
	"mox/imap"
)

// handleEnable carries out ENABLE (RFC 9051 §6.3.1, RFC 5161). Extensions that are unknown or
// need no enabling are ignored.
func (c *conn) handleEnable(_ *request) (imap.Code, error) {
	condstore := false
	for n := 0; n == 0 || !c.dec.AtEnd(); n++ {
		c.dec.SP()
		if string(c.dec.Keyword()) == "CONDSTORE" {
			condstore = true
		}
		if c.dec.Err() != nil {
			break
		}
	}
	if err := c.end(); err != nil {
		return "", err
	}
	if condstore {
		c.enableCondstore()
		c.enc.Untagged().Atom("ENABLED").Atom("CONDSTORE").CRLF()
	} else {
		c.enc.Untagged().Atom("ENABLED").CRLF()
	}
	return "", nil
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
