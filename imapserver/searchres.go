package imapserver

import (
	"errors"

	"mox/imap"
	"mox/imap/wire"
)

// saveResult keeps what a SEARCH with the result option SAVE found, until another one or the end of the selection
// (RFC 5182 §2.1, RFC 9051 §6.4.4.1), unless it is too large (§6.4.4.3). Because UIDs are never used again, messages that are
// expunged need not be taken out: positions does not find them any more.
func (c *conn) saveResult(ret wire.SearchReturn, found []imap.SeqNum) error {
	if ret&wire.ReturnSave == 0 {
		return nil
	}
	set := imap.SetOf(meant(ret, found)...)
	if len(set) > c.lo.MaxSavedRanges {
		return imap.No(imap.CodeNotSaved, "The result has too many parts to be saved", nil)
	}
	c.selected.saved = uids(c.selected.View(), set)
	return nil
}

// resetResult empties the saved result after a SEARCH with SAVE that is answered with NO. With BAD it stays as it
// is (RFC 5182 §2.1).
func (c *conn) resetResult(ret wire.SearchReturn, err error) {
	var ie *imap.Error
	if ret&wire.ReturnSave != 0 && !(errors.As(err, &ie) && ie.Status == imap.StatusBad) {
		c.selected.saved = nil
	}
}
