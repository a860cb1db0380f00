package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"

	"github.com/mjl-/bstore"

	"mox/imap"
	"mox/message"
	"mox/store/blob"
	"mox/store/dbfile"
)

// RecoverStats counts what Recover did.
type RecoverStats struct {
	Messages   int64 // Put back.
	Damaged    int64 // Messages, and pieces of packs, that could not be read. The log tells which.
	Duplicates int64 // Records of messages that were found before, left by an interrupted compaction.
}

// ErrDatabaseExists is returned by Recover for an account that has a database.
var ErrDatabaseExists = errors.New("account has a database: move its file index.db away first")

// Recover rebuilds an account's database from its packs after the database was lost. The account
// must not be open and its database must not exist (or have been moved away). Returns ErrNoAccount,
// ErrAccountInUse, ErrDatabaseExists.
//
// Packs know each message as it was when it was added: its content, mailbox, INTERNALDATE, flags and keywords
// at that moment. Lost are later changes of flags, moves and copies, mailboxes that no message was
// added to, subscriptions, submissions, settings, which threads are muted, to whom was sent, and the password: the account can receive mail
// at once, but nobody can log in before a new password is set. Expunged messages stay away once their content
// was erased, see Options.EraseAfter; later ones come back. Mailboxes get higher UIDVALIDITYs than they ever
// had, so that clients download them anew.
//
// Progress, if not nil, is called now and then. When Recover is interrupted, the account has
// no database still, and Recover begins anew.
func (s *Store) Recover(ctx context.Context, account string, progress func(RecoverStats)) (RecoverStats, error) {
	var stats RecoverStats
	if s.opts.ReadOnly {
		return stats, ErrReadOnly
	}
	err := s.exclusive(ctx, account, func(sl *slot) (rerr error) {
		dir := s.accountDir(sl.info.ID)
		if _, err := s.opts.FS.Stat(databasePath(dir)); err == nil {
			return ErrDatabaseExists
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		r := recovery{
			store: s, info: sl.info, dir: dir, tmp: filepath.Join(dir, "recover"),
			log: s.opts.Log.With("account", account), progress: progress,
		}
		err := r.run(ctx)
		stats = r.stats
		s.emails.forget(sl.info.ID)
		return err
	})
	return stats, err
}

// recovery is one call of Recover.
type recovery struct {
	store    *Store
	info     accountFile
	dir, tmp string // Of the account, and below it for what is being made.
	log      *slog.Logger
	progress func(RecoverStats)
	stats    RecoverStats

	blobs *blob.Store
	found *dbfile.DB              // Of foundRow.
	uses  map[string]recoveredUse // By mailbox name as in the packs.
	boxes map[string]MailboxID    // Likewise: where the messages go.
	inbox MailboxID               // Where others go.
	next  uint32                  // Above all UIDVALIDITYs that are known of.
}

// recoveredUse is the special use that a mailbox had when email was put in it.
type recoveredUse struct {
	use   SpecialUse
	email int64
}

// foundRow is a message found in the packs. It is kept in a database that exists during recovery
// only: messages are to be added in the order in which they came, which is that of their ids, and
// compaction has put the packs in another order.
type foundRow struct {
	Email int64 `bstore:"noauto"`
	Ref   []byte
	Meta  []byte
}

const (
	recoverFoundBatch = 1000 // Rows of what was found that are written together.
	recoverAddBatch   = 200  // Messages that are added together.
)

// run finds all messages, makes a database of them, and puts it in place.
func (r *recovery) run(ctx context.Context) (rerr error) {
	fsys := r.store.opts.FS
	if err := removeAll(fsys, r.tmp); err != nil {
		return err
	}
	if err := fsys.Mkdir(r.tmp, 0o700); err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, removeAll(fsys, r.tmp)) }()
	var err error
	r.blobs, err = blob.Open(filepath.Join(r.dir, "blobs"), blob.Options{FS: fsys, Logger: r.log})
	if err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, r.blobs.Close()) }()
	if r.found, err = dbfile.Open(ctx, filepath.Join(r.tmp, "found.db"), foundRow{}); err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, r.found.Close()) }()
	if err := r.scan(ctx); err != nil {
		return err
	}
	if err := r.build(ctx); err != nil {
		return err
	}
	if err := fsys.Rename(databasePath(r.tmp), databasePath(r.dir)); err != nil {
		return err
	}
	return fsys.SyncDir(r.dir)
}

// tell calls progress.
func (r *recovery) tell() {
	if r.progress != nil {
		r.progress(r.stats)
	}
}

// damage counts something that could not be read.
func (r *recovery) damage(msg string, args ...any) {
	r.stats.Damaged++
	r.log.Warn(msg, args...)
}

// scan collects what is in the packs.
func (r *recovery) scan(ctx context.Context) error {
	r.uses = map[string]recoveredUse{}
	var batch []foundRow
	flush := func() error {
		err := r.keep(ctx, batch)
		batch = batch[:0]
		r.tell()
		return err
	}
	err := r.blobs.Scan(ctx, func(rec blob.Record) error {
		if rec.Deleted {
			return nil
		}
		if rec.Corrupt {
			r.damage("content of message is damaged, it is left out", "email", rec.EmailID, "place", rec.Ref)
			return nil
		}
		ref, err := rec.Ref.MarshalBinary()
		if err != nil {
			return err
		}
		if err := r.noteMailbox(rec); err != nil {
			return err
		}
		batch = append(batch, foundRow{rec.EmailID, ref, slices.Clone(rec.Meta)})
		if len(batch) < recoverFoundBatch {
			return nil
		}
		return flush()
	}, func(d *blob.Damage) error {
		r.damage("part of a pack is damaged", "file", d.Path, "offset", d.Offset, "bytes", d.Length, "err", d.Err)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

// noteMailbox remembers the mailbox of a message, and its use as of the last message.
func (r *recovery) noteMailbox(rec blob.Record) error {
	m, err := parseRecoverMeta(rec.Meta)
	if errors.Is(err, ErrNewerVersion) {
		return err
	} else if err != nil {
		return nil
	}
	r.next = max(r.next, m.NextUIDValidity)
	if m.Mailbox == "" {
		return nil
	}
	if u, ok := r.uses[m.Mailbox]; !ok || u.email < rec.EmailID {
		r.uses[m.Mailbox] = recoveredUse{m.Use, rec.EmailID}
	}
	return nil
}

// keep writes a batch of what was found.
func (r *recovery) keep(ctx context.Context, batch []foundRow) error {
	duplicates := int64(0)
	err := r.found.Write(ctx, func(tx *bstore.Tx) error {
		duplicates = 0
		for i := range batch {
			err := tx.Get(&foundRow{Email: batch[i].Email})
			if err == nil {
				duplicates++
				continue
			} else if err != bstore.ErrAbsent {
				return err
			}
			if err := tx.Insert(&batch[i]); err != nil {
				return err
			}
		}
		return nil
	})
	r.stats.Duplicates += duplicates
	return err
}

// build makes the database.
func (r *recovery) build(ctx context.Context) (rerr error) {
	db, err := newDatabase(ctx, r.tmp)
	if err != nil {
		return err
	}
	defer func() { rerr = errors.Join(rerr, db.Close()) }()
	now := r.store.opts.Now()
	// What was numbered before is below the horizon: whoever asks for changes since then is told to
	// read everything anew.
	modseq := imap.ModSeq(now.UnixMilli())
	row := accountRow{ID: 1, NextMailbox: 1, NextUIDValidity: r.next, ModSeq: modseq, Horizon: modseq}
	if err := db.Insert(ctx, &row); err != nil {
		return err
	}
	// The messages are added like others, by a committer.
	a := &account{store: r.store, id: r.info.ID, dir: r.tmp, log: r.log, db: db, blobs: r.blobs}
	a.name.Store(&r.info.Name)
	if err := a.load(ctx); err != nil {
		return err
	}
	a.committer = newCommitter(a)
	a.committer.start()
	defer a.committer.stop(false)
	if err := a.write(ctx, "recover", r.makeMailboxes); err != nil {
		return err
	}
	return r.addMessages(ctx, a)
}

// makeMailboxes makes Inbox, the mailboxes that messages were in, and those of a new account.
func (r *recovery) makeMailboxes(tx *txn) error {
	inbox, err := tx.recoverMailbox(inboxName, "")
	if err != nil {
		return err
	}
	r.boxes = map[string]MailboxID{}
	r.inbox = inbox
	// If two had the same special use, the one has it that got a message last.
	names := slices.SortedFunc(maps.Keys(r.uses), func(a, b string) int {
		return cmp.Compare(r.uses[b].email, r.uses[a].email)
	})
	for _, original := range names {
		name, err := checkName(original)
		if err != nil {
			r.log.Warn("messages of a mailbox whose name is not allowed go to Inbox", "name", original)
			r.boxes[original] = inbox
			continue
		}
		if r.boxes[original], err = tx.recoverMailbox(name, r.uses[original].use); err != nil {
			return err
		}
	}
	for _, ib := range r.store.opts.Mailboxes {
		name, err := checkName(ib.Name)
		if err != nil {
			return err
		}
		if _, err := tx.recoverMailbox(name, ib.Use); err != nil {
			return err
		}
	}
	return nil
}

// recoverMailbox makes a mailbox if there is none of that name, and gives it a special use that no
// other has.
func (t *txn) recoverMailbox(name string, use SpecialUse) (MailboxID, error) {
	if use != "" && t.useTaken(use) {
		use = ""
	}
	b, err := t.boxNamed(name)
	if err == nil && b.row.Use == "" && use != "" {
		b.row.Use = use
		t.touch(b)
	} else if errors.Is(err, ErrNoMailbox) {
		b, err = t.createMailbox(name, use, true)
	}
	if err != nil {
		return 0, err
	}
	return b.row.ID, nil
}

// addMessages adds all messages in the order of their ids.
func (r *recovery) addMessages(ctx context.Context, a *account) error {
	for after := int64(0); ; {
		var rows []foundRow
		err := r.found.Read(ctx, func(tx *bstore.Tx) (err error) {
			rows, err = bstore.QueryTx[foundRow](tx).FilterGreater("Email", after).SortAsc("Email").Limit(recoverAddBatch).List()
			return err
		})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		after = rows[len(rows)-1].Email
		if err := r.addBatch(ctx, a, rows); err != nil {
			return err
		}
		r.tell()
	}
}

// addBatch adds messages in one transaction.
func (r *recovery) addBatch(ctx context.Context, a *account, rows []foundRow) error {
	type addition struct {
		email *newEmail
		box   MailboxID
	}
	var adds []addition
	for i := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, mailbox, err := r.readMessage(&rows[i])
		if errors.Is(err, blob.ErrCorrupt) || errors.Is(err, blob.ErrNotExist) {
			r.damage("message cannot be read, it is left out", "email", rows[i].Email, "err", err)
			continue
		} else if err != nil {
			return err
		}
		adds = append(adds, addition{e, mailbox})
	}
	err := a.write(ctx, "recover", func(tx *txn) error {
		changes := map[MailboxID]*Change{}
		for _, add := range adds {
			b, err := tx.box(add.box)
			if err != nil {
				return err
			}
			added, err := tx.addEmail(b, add.email)
			if errors.Is(err, ErrTooManyKeywords) {
				e := *add.email
				e.keywords = nil
				added, err = tx.addEmail(b, &e)
			}
			if err != nil {
				return fmt.Errorf("adding email %v: %w", add.email.id, err)
			}
			c := changes[add.box]
			if c == nil {
				c = &Change{Kind: ChangeAdd, Mailbox: add.box}
				changes[add.box] = c
			}
			c.UIDs.Add(added.UID)
			c.Emails = append(c.Emails, added.Email)
			b.row.RecentFrom = b.row.UIDNext // It has not just arrived.
		}
		for _, box := range slices.Sorted(maps.Keys(changes)) {
			tx.log(*changes[box])
		}
		return nil
	})
	if err == nil {
		r.stats.Messages += int64(len(adds))
	}
	return err
}

// readMessage makes a message ready to be added, and tells to which mailbox.
func (r *recovery) readMessage(row *foundRow) (*newEmail, MailboxID, error) {
	ref, err := blob.ParseRef(row.Ref)
	if err != nil {
		return nil, 0, err
	}
	meta, err := parseRecoverMeta(row.Meta)
	if err != nil {
		r.damage("description of message is damaged, it goes to Inbox", "email", row.Email)
		meta = recoverMeta{Received: r.store.opts.Now().Unix()}
		if meta.Random, err = r.store.random63(); err != nil {
			return nil, 0, err
		}
	}
	body, err := r.blobs.Open(ref)
	if err != nil {
		return nil, 0, err
	}
	defer body.Close()
	root, err := message.Parse(io.NewSectionReader(body, 0, body.Size()))
	if err != nil {
		return nil, 0, err
	}
	keywords, err := checkKeywords(slices.DeleteFunc(meta.Keywords, func(k string) bool {
		_, err := imap.CanonicalKeyword(k)
		return err != nil
	}))
	if err != nil {
		return nil, 0, err
	}
	c, err := makeCold(&NewMessage{Prefix: meta.Prefix, Body: body, Size: body.Size(), Auth: meta.Auth}, root)
	if err != nil {
		return nil, 0, err
	}
	box, ok := r.boxes[meta.Mailbox]
	if !ok {
		box = r.inbox
	}
	return &newEmail{
		id:       EmailID{row.Email, meta.Random},
		size:     int64(len(meta.Prefix)) + body.Size(),
		received: meta.Received,
		flags:    meta.Flags & imap.AllFlags,
		keywords: keywords,
		cold:     c.append(nil),
		threads:  threadKeys(c.message.Envelope),
		ref:      ref,
	}, box, nil
}
