package imapserver

import (
	"mox/imap"
	"mox/imap/wire"
)

// handleExpunge carries out EXPUNGE (RFC 9051 §6.4.3, RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1). The
// responses are those that tell changes.
func (c *conn) handleExpunge(r *request) (imap.Code, error) {
	var set wire.NumSet
	if r.uid {
		c.dec.SP()
		c.dec.NumSet(wire.UIDNums, &set)
	}
	if err := c.end(); err != nil {
		return "", err
	}
	if err := c.writable(); err != nil {
		return "", err
	}
	var which imap.UIDSet
	if r.uid {
		pos, err := c.positions(&set)
		if err != nil || len(pos) == 0 {
			return "", err
		}
		which = uids(c.selected.View(), pos)
	}
	removed, modseq, err := c.auth.account.Expunge(c.srv.ctx, c.auth.actor, c.selected.mailbox.ID, which, true)
	if err != nil {
		return "", err
	}
	if c.condstore && len(removed) > 0 {
		return imap.HighestModSeq(modseq), nil // RFC 7162 §3.2.7 shows it also without QRESYNC.
	}
	return "", nil
}

// writable refuses to change a mailbox that was opened by EXAMINE.
func (c *conn) writable() error {
	if c.selected.readOnly {
		return imap.No(imap.CodeReadOnly, "The mailbox is opened read-only", nil)
	}
	return nil
}
