package store

import (
	"context"
	"strings"

	"github.com/mjl-/bstore"
)

// recipientKey returns the form of a forward-path under which it is remembered. Case is no difference: it would be a way
// around a limit, for one who sends to everybody.
func recipientKey(path string) string { return strings.ToLower(path) }

// HasSentTo tells whether the account has submitted mail to a forward-path before, written as in Submission.RcptTo.
func (a *Account) HasSentTo(ctx context.Context, path string) (bool, error) {
	acc, err := a.use()
	if err != nil {
		return false, err
	}
	known := false
	err = acc.read(ctx, func(tx *bstore.Tx) error {
		switch err := tx.Get(&recipientRow{Path: recipientKey(path)}); err {
		case nil:
			known = true
		case bstore.ErrAbsent:
			known = false
		default:
			return err
		}
		return nil
	})
	return known, err
}

// rememberRecipients notes to whom a submission goes.
func (t *txn) rememberRecipients(s *Submission) error {
	for _, path := range s.RcptTo {
		row := recipientRow{Path: recipientKey(path)}
		if err := t.get(&row); err == nil {
			continue
		} else if err != bstore.ErrAbsent {
			return err
		}
		row.First = s.Created.Unix()
		if err := t.insert(&row); err != nil {
			return err
		}
	}
	return nil
}
