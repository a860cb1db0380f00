package store

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/mjl-/bstore"
)

// Create makes an account. Returns ErrAccountExists.
func (s *Store) Create(ctx context.Context, name string) error {
	if name == "" {
		return errors.New("account has no name")
	}
	if s.opts.ReadOnly {
		return ErrReadOnly
	}
	id, err := s.random63()
	if err != nil {
		return err
	}
	sl := &slot{info: accountFile{accountFileVersion, AccountID(id), name}, busy: make(chan struct{}), making: true}
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return ErrClosed
	case s.byName[name] != nil:
		s.mu.Unlock()
		return ErrAccountExists
	}
	s.byName[name] = sl
	s.byID[sl.info.ID] = sl
	s.mu.Unlock()

	err = s.makeAccount(ctx, sl.info)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		delete(s.byName, name)
		delete(s.byID, sl.info.ID)
	}
	sl.making = false
	sl.unbusy()
	return err
}

// makeAccount makes the directory of a new account. Only renaming it to its name makes the
// account exist.
func (s *Store) makeAccount(ctx context.Context, info accountFile) (rerr error) {
	fsys := s.opts.FS
	tmp := filepath.Join(s.opts.Dir, newPrefix+dirName(info.ID))
	if err := fsys.Mkdir(tmp, 0o700); err != nil {
		return err
	}
	defer func() {
		if rerr != nil {
			rerr = errors.Join(rerr, removeAll(fsys, tmp))
		}
	}()
	if err := s.makeDatabase(ctx, tmp); err != nil {
		return err
	}
	if err := writeAccountFile(fsys, tmp, info); err != nil {
		return err
	}
	dir := s.accountDir(info.ID)
	if err := fsys.Rename(tmp, dir); err != nil {
		return err
	}
	if err := fsys.SyncDir(s.opts.Dir); err != nil {
		return errors.Join(err, removeAll(fsys, dir))
	}
	return nil
}

// makeDatabase makes the database of a new account, with its first mailboxes.
func (s *Store) makeDatabase(ctx context.Context, dir string) error {
	db, err := newDatabase(ctx, dir)
	if err != nil {
		return err
	}
	now := s.opts.Now()
	err = db.Write(ctx, func(tx *bstore.Tx) error {
		return s.firstRows(tx, now)
	})
	return errors.Join(err, db.Close())
}

// firstRows inserts what a new account has.
func (s *Store) firstRows(tx *bstore.Tx, now time.Time) error {
	row := accountRow{
		ID:          1,
		NextMailbox: 1,
	}
	var changes []Change
	row.ModSeq = 1
	boxes := append([]InitialMailbox{{Name: inboxName}}, s.opts.Mailboxes...)
	seen := map[string]bool{}
	for _, ib := range boxes {
		name, err := checkName(ib.Name)
		if err != nil {
			return err
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		mb := mailboxRow{
			ID: row.NextMailbox, Name: name, Use: ib.Use,
			UIDValidity: row.newUIDValidity(now), UIDNext: 1,
			ModSeq: row.ModSeq, Created: row.ModSeq,
		}
		row.NextMailbox++
		if err := tx.Insert(&mb, &subscriptionRow{Name: name}); err != nil {
			return err
		}
		changes = append(changes,
			Change{Kind: ChangeMailboxCreate, Mailbox: mb.ID},
			Change{Kind: ChangeSubscription})
	}
	data := appendChanges(nil, changes)
	return tx.Insert(&row, &changeRow{ModSeq: row.ModSeq, Time: now.Unix(), Data: data})
}

// newUIDValidity gives out a UIDVALIDITY. It is the time in seconds, or one more than the one before if that is higher, so
// that neither a mailbox nor an account that is made anew repeats one.
func (r *accountRow) newUIDValidity(now time.Time) uint32 {
	v := max(r.NextUIDValidity, uint32(max(1, min(now.Unix(), 1<<32-1<<24))))
	r.NextUIDValidity = v + 1
	return v
}
