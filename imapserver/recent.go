package imapserver

import (
	"mox/imap"
	"mox/imap/wire"
	"mox/store"
)

// \Recent is of IMAP4rev1 only (RFC 3501 §2.3.2, RFC 9051 appendix E). A session that has enabled IMAP4rev2 takes
// messages as others do, so that they are not recent to somebody who sees them later, but it is told nothing of it.

// takeRecent makes recent to the session what it sees for the first time, if nobody was before it.
func (c *conn) takeRecent() { c.selected.TakeRecent(c.selected.readOnly) }

// recent returns the messages with \Recent.
func (c *conn) recent() imap.SeqSet {
	if c.rev2 {
		return nil
	}
	return uidPositions(c.selected.View(), c.selected.Recent())
}

// countRecent returns how many messages have \Recent, always none in IMAP4rev2.
func (c *conn) countRecent() int { return int(c.recent().Count()) }

// tellRecent writes the response RECENT (RFC 3501 §7.3.2).
func (c *conn) tellRecent() { c.tellNumber(c.countRecent(), "RECENT") }

// statusRecent returns what STATUS tells as RECENT: of the mailbox that is selected, the messages with \Recent, of
// others those that would have it.
func (c *conn) statusRecent(mb store.Mailbox) (int64, error) {
	if c.selected != nil && c.selected.mailbox.ID == mb.ID {
		return int64(c.countRecent()), nil
	}
	n, err := c.auth.account.CountRecent(c.srv.ctx, c.auth.actor, mb.ID)
	if isNoMailbox(err) {
		return 0, nil // Deleted meanwhile.
	}
	return n, err
}

// recentCriteria is for the search keys about \Recent (RFC 3501 §6.4.4).
func (c *conn) recentCriteria(op wire.SearchOp) store.Criteria {
	recent := c.recent()
	switch {
	case op == wire.SearchOld && len(recent) == 0:
		return store.Criteria{}
	case op == wire.SearchOld:
		return store.Criteria{Not: []store.Criteria{{Seqs: []imap.SeqSet{recent}}}}
	case len(recent) == 0:
		return store.Criteria{None: true}
	}
	crit := store.Criteria{Seqs: []imap.SeqSet{recent}}
	if op == wire.SearchNew {
		crit.NotFlags = imap.FlagSeen
	}
	return crit
}
