package store

import (
	"context"
	"maps"
	"slices"
)

// BumpUIDValidity gives a mailbox a new UIDVALIDITY, or all mailboxes if the name is empty: clients then give up what
// they keep of them and read them anew (RFC 9051 §2.3.1.1). Messages and their UIDs stay. Sessions that have such a
// mailbox selected are told that it is gone. It returns the mailboxes as they are then. Returns ErrNoMailbox.
func (a *Account) BumpUIDValidity(ctx context.Context, actor Actor, mailbox string) ([]Mailbox, error) {
	acc, err := a.use()
	if err != nil {
		return nil, err
	}
	var ids []MailboxID
	err = acc.write(ctx, "bump_uidvalidity", func(tx *txn) error {
		ids = nil
		if mailbox == "" {
			var err error
			ids, err = tx.renumberAll()
			return err
		}
		b, err := tx.boxNamed(canonicalName(mailbox))
		if err != nil {
			return err
		}
		ids = append(ids, b.row.ID)
		tx.renumber(b)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var l []Mailbox
	for _, id := range ids {
		if mb, err := a.MailboxByID(ctx, actor, id); err == nil {
			l = append(l, mb)
		}
	}
	return l, nil
}

// renumber gives a mailbox a new UIDVALIDITY.
func (t *txn) renumber(b *box) {
	b.row.UIDValidity = t.row.newUIDValidity(t.now)
	b.renumbered = true
	t.touch(b)
	t.log(Change{Kind: ChangeMailboxRenumber, Mailbox: b.row.ID})
}

// renumberAll gives all mailboxes new UIDVALIDITYs, and returns their ids.
func (t *txn) renumberAll() ([]MailboxID, error) {
	t.account.mu.RLock()
	ids := slices.Sorted(maps.Keys(t.account.boxes.byID))
	t.account.mu.RUnlock()
	for _, id := range ids {
		b, err := t.box(id)
		if err != nil {
			return nil, err
		}
		t.renumber(b)
	}
	return ids, nil
}
