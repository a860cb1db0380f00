package imapserver

import (
	"mox/imap"
	"mox/store"
)

// tell brings the session's View up to date and tells the client what changed
// (RFC 9051 §5.2, §7.4, §7.5, RFC 3501 §5.2). Without expunge nothing that shifts sequence numbers is told.
func (c *conn) tell(expunge bool) error {
	return c.tellChanges(c.selected.Refresh(expunge), nil)
}

// tellChanges writes changes. Flags of messages in told, if that is not nil, are left out.
func (c *conn) tellChanges(ch store.Changes, told *imap.SeqSet) error {
	if ch.Deleted {
		return imap.Bye("", "The selected mailbox was deleted", nil)
	}
	// Before any message that has one.
	if ch.Keywords != nil {
		c.tellKeywords(ch.Keywords)
	}
	for _, seq := range ch.Expunged {
		c.tellNumber(int(seq), "EXPUNGE")
	}
	if ch.Grown {
		c.tellNumber(ch.Exists, "EXISTS")
		known := c.countRecent()
		if c.takeRecent(); c.countRecent() != known {
			c.tellRecent()
		}
	}
	view := c.selected.View()
	for _, seq := range ch.Flags {
		if told == nil || !told.Contains(seq) {
			c.tellFlags(seq, view.At(seq))
		}
	}
	return c.writeError()
}

// tellKeywords announces the keywords of the mailbox before any message is shown with a new
// one (RFC 9051 §7.3.5, §7.1 PERMANENTFLAGS, RFC 3501 §7.2.6).
func (c *conn) tellKeywords(keywords []string) {
	c.enc.Untagged().Atom("FLAGS").Flags(imap.AllFlags, keywords, false).CRLF()
	// RFC 9051 §7.1: without \* once no more keywords can be made.
	code := imap.PermanentFlags(imap.AllFlags, keywords, len(keywords) < store.MaxMailboxKeywords)
	if c.selected.readOnly {
		code = imap.PermanentFlags(0, nil, false) // RFC 9051 §6.3.3.
	}
	c.enc.Status(nil, imap.StatusOK, code, "Flags that can be changed")
}

// tellFlags writes a FETCH response with the flags of a message. It always holds the UID, so that a
// client can use it whatever numbers it works with (RFC 9051 §7.5.2).
func (c *conn) tellFlags(seq imap.SeqNum, e store.Entry) {
	c.enc.Untagged().Number(uint32(seq)).Atom("FETCH").Open().Atom("UID").Number(uint32(e.UID))
	c.writeFlags(e)
	if c.condstore {
		c.writeModSeq(e.ModSeq)
	}
	c.enc.Close().CRLF()
}

// writeFlags writes the FETCH item FLAGS.
func (c *conn) writeFlags(e store.Entry) {
	var keywords []string
	if e.Keywords != 0 {
		keywords = c.auth.account.KeywordNames(e.Keywords)
	}
	c.enc.Atom("FLAGS").Flags(e.Flags, keywords, !c.rev2 && c.selected.Recent().Contains(e.UID))
}

// writeModSeq writes the FETCH item MODSEQ (RFC 7162 §3.1.4.2).
func (c *conn) writeModSeq(m imap.ModSeq) {
	c.enc.Atom("MODSEQ").Open().Number64(int64(m)).Close()
}

// tellNumber writes a response like "* 5 EXISTS" (RFC 9051 §7.4.1, RFC 3501 §7.3.1).
func (c *conn) tellNumber(n int, name string) {
	c.enc.Untagged().Number(uint32(n)).Atom(name).CRLF()
}

// writeError returns the error that an earlier write met.
func (c *conn) writeError() error {
	if err := c.enc.Err(); err != nil {
		return connError{err}
	}
	return nil
}
