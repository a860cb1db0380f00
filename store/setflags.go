package store

import (
	"context"

	"mox/imap"
)

// FlagOp is what SetFlags does with the flags given.
type FlagOp uint8

// Operations of STORE (RFC 9051 §6.4.6).
const (
	FlagsAdd FlagOp = iota
	FlagsRemove
	FlagsReplace
)

// apply returns what the operation makes of flags.
func (op FlagOp) apply(have, given imap.Flags) imap.Flags {
	switch op {
	case FlagsAdd:
		return have | given
	case FlagsRemove:
		return have &^ given
	}
	return given
}

// FlagChange says what SetFlags changes.
type FlagChange struct {
	UIDs     imap.UIDSet // In normal form, without "*". Messages that do not exist are skipped.
	Op       FlagOp
	Flags    imap.Flags
	Keywords []string

	// UnchangedSince, if not negative, leaves messages alone whose modseq is higher
	// (RFC 7162 §3.1.3).
	UnchangedSince imap.ModSeq
}

// FlagResult tells what SetFlags did.
type FlagResult struct {
	ModSeq   imap.ModSeq // Of the changed messages; zero if none changed.
	Changed  []imap.UID  // Messages whose flags or keywords changed, ascending.
	Modified []imap.UID  // Left alone because of UnchangedSince, ascending (MODIFIED response code).
}

// SetFlags changes flags and keywords of messages in one transaction. A message whose
// flags stay the same keeps its modseq. Returns ErrNoMailbox, ErrBadKeyword, ErrTooManyKeywords.
func (a *Account) SetFlags(ctx context.Context, actor Actor, mailbox MailboxID, c FlagChange) (FlagResult, error) {
	acc, err := a.use()
	if err != nil {
		return FlagResult{}, err
	}
	if c.Keywords, err = checkKeywords(c.Keywords); err != nil {
		return FlagResult{}, err
	}
	c.Flags &= imap.AllFlags
	var res FlagResult
	o := &op{label: "set_flags", bulk: c.UIDs.Count() > bulkMessages}
	o.run = func(tx *txn) (err error) {
		res, err = tx.setFlags(mailbox, &c)
		return err
	}
	if err := acc.committer.do(ctx, o); err != nil {
		return FlagResult{}, err
	}
	return res, nil
}

// bulkMessages is how many messages make an operation a bulk op.
const bulkMessages = 1000

func (t *txn) setFlags(mailbox MailboxID, c *FlagChange) (FlagResult, error) {
	var res FlagResult
	b, err := t.box(mailbox)
	if err != nil {
		return res, err
	}
	if len(c.UIDs) == 0 {
		return res, nil
	}
	var changed imap.UIDSet
	sets := map[KeywordSet]KeywordSet{} // What becomes of a set.
	err = t.messages(mailbox, c.UIDs, func(r messageRow) error {
		if c.UnchangedSince >= 0 && r.ModSeq > c.UnchangedSince {
			res.Modified = append(res.Modified, r.uid())
			return nil
		}
		keywords, ok := sets[r.Keywords]
		if !ok {
			var err error
			if keywords, err = t.changeKeywords(r.Keywords, c.Op, c.Keywords); err != nil {
				return err
			}
			if err := t.useKeywords(b, keywords); err != nil {
				return err
			}
			sets[r.Keywords] = keywords
		}
		flags := c.Op.apply(r.Flags, c.Flags)
		if flags == r.Flags && keywords == r.Keywords {
			return nil
		}
		old := r
		r.Flags, r.Keywords, r.ModSeq = flags, keywords, t.modSeq()
		changed.Add(r.uid())
		res.Changed = append(res.Changed, r.uid())
		return t.updateMessage(b, &old, &r)
	})
	if err != nil {
		return res, err
	}
	if len(changed) > 0 {
		res.ModSeq = t.modSeq()
		t.log(Change{Kind: ChangeFlags, Mailbox: mailbox, UIDs: changed})
	}
	return res, nil
}
