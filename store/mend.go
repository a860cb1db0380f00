package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/mjl-/bstore"

	"mox/store/blob"
)

// recoveredMailbox takes messages of which the database knew nothing.
const recoveredMailbox = "Recovered"

// Mend repairs what Verify may find in an account and what can be repaired without losing anything, and gives what it did
// to tell, for an operator:
//
//   - A database that is damaged or missing is moved aside and made anew, see Recover.
//   - What is counted is counted anew, see Account.Recount.
//   - Large files that no email refers to are removed.
//   - With content set, messages that are in the packs, were never deleted, and are not in the database, get into a mailbox
//     "Recovered". These may be messages that a crash interrupted, and that their senders have sent again.
//
// Returns ErrNoAccount, ErrAccountInUse.
func (s *Store) Mend(ctx context.Context, account string, content bool, tell func(done string)) error {
	if s.opts.ReadOnly {
		return ErrReadOnly
	}
	a, err := s.Open(ctx, account)
	if errors.Is(err, ErrDamaged) || errors.Is(err, errNoDatabase) {
		if err := s.renew(ctx, account, tell); err != nil {
			return err
		}
		a, err = s.Open(ctx, account)
	}
	if err != nil {
		return err
	}
	defer a.Close()
	corrected, err := a.Recount(ctx, System)
	if err != nil {
		return fmt.Errorf("counting account %s: %w", account, err)
	}
	for _, c := range corrected {
		tell(c)
	}
	removed, err := a.acc.sweepFiles(ctx)
	if err != nil {
		return fmt.Errorf("removing leftover files of account %s: %w", account, err)
	}
	if removed > 0 {
		tell(fmt.Sprintf("removed %d files that no message refers to", removed))
	}
	if !content {
		return nil
	}
	found, err := a.acc.adoptUnknown(ctx)
	if err != nil {
		return fmt.Errorf("looking for messages of account %s: %w", account, err)
	}
	if found > 0 {
		tell(fmt.Sprintf("put %d messages that the database did not know into mailbox %q", found, recoveredMailbox))
	}
	return nil
}

// renew makes the database of an account anew.
func (s *Store) renew(ctx context.Context, account string, tell func(string)) error {
	aside := ""
	err := s.exclusive(ctx, account, func(sl *slot) error {
		path := databasePath(s.accountDir(sl.info.ID))
		name := fmt.Sprintf("%s.damaged-%s", path, s.opts.Now().UTC().Format("20060102T150405"))
		err := s.opts.FS.Rename(path, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		aside = name
		return err
	})
	if err != nil {
		return err
	}
	if aside != "" {
		tell("moved the damaged database to " + aside)
	}
	stats, err := s.Recover(ctx, account, nil)
	if err != nil {
		return err
	}
	tell(fmt.Sprintf("made the database anew: %d messages, %d damaged; later changes of flags and mailboxes are lost, and so is the password", stats.Messages, stats.Damaged))
	return nil
}

// sweepFiles removes large files that no email refers to. Only the committer knows which.
func (a *account) sweepFiles(ctx context.Context) (removed int, err error) {
	err = a.committer.do(ctx, &op{label: "sweep", bulk: true, reads: true, run: func(*txn) (err error) {
		removed, err = a.blobs.SweepFiles(ctx, a.live)
		return err
	}})
	return removed, err
}

// adoptUnknown adds messages that are in the packs and not in the database. It returns how many.
func (a *account) adoptUnknown(ctx context.Context) (added int64, rerr error) {
	rows, err := a.unknown(ctx)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	slices.SortFunc(rows, func(x, y foundRow) int { return int(min(1, max(-1, x.Email-y.Email))) })
	r := recovery{store: a.store, log: a.log, blobs: a.blobs, boxes: map[string]MailboxID{}}
	for batch := range slices.Chunk(rows, recoverAddBatch) {
		err := a.write(ctx, "recover", func(tx *txn) error {
			id, err := tx.recoverMailbox(recoveredMailbox, "")
			r.inbox = id
			return err
		})
		if err == nil {
			err = r.addBatch(ctx, a, batch)
		}
		if err != nil {
			return r.stats.Messages, err
		}
		last := batch[len(batch)-1].Email
		for old := a.lastKey.Load(); old < last && !a.lastKey.CompareAndSwap(old, last); old = a.lastKey.Load() {
		}
	}
	return r.stats.Messages, nil
}

// unknown returns what is in the packs and not in the database.
func (a *account) unknown(ctx context.Context) ([]foundRow, error) {
	var rows []foundRow
	seen := map[int64]bool{}
	err := a.blobs.Scan(ctx, func(rec blob.Record) error {
		if rec.Deleted || rec.Corrupt || rec.EmailID == 0 || seen[rec.EmailID] {
			return nil
		}
		err := a.read(ctx, func(tx *bstore.Tx) error { return tx.Get(&emailRow{ID: rec.EmailID}) })
		if !errors.Is(err, bstore.ErrAbsent) {
			return err
		}
		ref, err := rec.Ref.MarshalBinary()
		if err != nil {
			return err
		}
		seen[rec.EmailID] = true
		rows = append(rows, foundRow{rec.EmailID, ref, slices.Clone(rec.Meta)})
		return nil
	}, func(*blob.Damage) error { return nil })
	return rows, err
}
