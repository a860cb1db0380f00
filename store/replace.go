package store

import (
	"context"

	"github.com/mjl-/bstore"

	"mox/imap"
)

// Replace adds a message to a mailbox and expunges the one with a UID from it, in one transaction (as RFC 8508): a
// draft while it is being written. If the account is full, a message that takes no more room than the old one frees is let in.
// Returns ErrExpunged if the old message is gone, and nothing was added then; ErrNoMailbox, ErrQuota,
// ErrBadKeyword, ErrTooManyKeywords.
func (a *Account) Replace(ctx context.Context, actor Actor, mailbox MailboxID, uid imap.UID, m NewMessage) (Added, error) {
	acc, err := a.use()
	if err != nil {
		return Added{}, err
	}
	mb, ok := acc.mailbox(mailbox)
	if !ok {
		return Added{}, &MailboxError{ID: mailbox}
	}
	// The transaction decides, this only saves writing the message.
	err = acc.read(ctx, func(tx *bstore.Tx) error { return tx.Get(&messageRow{ID: messageID(mailbox, uid)}) })
	if err == bstore.ErrAbsent {
		return Added{}, ErrExpunged
	} else if err != nil {
		return Added{}, err
	}
	acc.adding.Add(1)
	defer acc.adding.Add(-1)
	e, err := acc.prepare(ctx, &m, mb.row.Name, mb.row.Use)
	if err != nil {
		return Added{}, err
	}
	var added Added
	o := &op{label: "replace", bodies: []*newEmail{e}}
	o.run = func(tx *txn) (err error) {
		added, err = tx.replace(mailbox, uid, e)
		return err
	}
	if err := acc.withBodies(ctx, o); err != nil {
		return Added{}, err
	}
	return added, nil
}

func (t *txn) replace(mailbox MailboxID, uid imap.UID, e *newEmail) (Added, error) {
	e.used = false
	b, err := t.box(mailbox)
	if err != nil {
		return Added{}, err
	}
	old := messageRow{ID: messageID(mailbox, uid)}
	if err := t.get(&old); err == bstore.ErrAbsent {
		return Added{}, ErrExpunged
	} else if err != nil {
		return Added{}, err
	}
	freed := old.Size
	if err := t.get(&emailRefRow{Email: old.Email.Key}); err == nil {
		freed = 0 // Copies of it stay.
	} else if err != bstore.ErrAbsent {
		return Added{}, err
	}
	if e.size > freed {
		if err := t.account.room(t.row.Bytes-freed, e.size); err != nil {
			return Added{}, err
		}
	}
	if _, _, err := t.expunge(mailbox, imap.SetOf(uid), false); err != nil {
		return Added{}, err
	}
	added, err := t.addEmail(b, e)
	if err != nil {
		return Added{}, err
	}
	t.logAdded(b, []Added{added})
	return added, nil
}
