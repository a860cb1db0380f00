package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mjl-/bstore"

	"mox/imap"
	"mox/store/blob"
	"mox/store/dbfile"
)

// Account is a handle to an open account. It is safe for concurrent use until Close.
type Account struct {
	acc    *account
	closed atomic.Bool
}

// use returns the account behind the handle. Returns ErrClosed.
func (a *Account) use() (*account, error) {
	if a.closed.Load() {
		return nil, ErrClosed
	}
	return a.acc, nil
}

// ID is the account's immutable id, Name its name.
func (a *Account) ID() AccountID { return a.acc.id }
func (a *Account) Name() string  { return *a.acc.name.Load() }

// Close gives the handle back. Selections made with it stay readable, but get no news
// once the account itself closes.
func (a *Account) Close() error {
	if a.closed.Swap(true) {
		return ErrClosed
	}
	a.acc.store.release(a.acc, false)
	return nil
}

// KeywordNames returns the names of an interned set, sorted. The slice must not be changed.
func (a *Account) KeywordNames(set KeywordSet) []string { return a.acc.keywords.names(set) }

// Usage is what an account holds.
type Usage struct {
	Bytes    int64 // Counted against the quota: each email once.
	Messages int64
	Quota    int64 // Zero for no limit.
}

// Usage returns what the account holds.
func (a *Account) Usage(ctx context.Context) (Usage, error) {
	acc, err := a.use()
	if err != nil {
		return Usage{}, err
	}
	u := Usage{Quota: acc.quota()}
	acc.mu.RLock()
	defer acc.mu.RUnlock()
	u.Bytes = acc.row.Bytes
	for _, mb := range acc.boxes.byID {
		u.Messages += mb.row.Total
	}
	return u, nil
}

// account is an open account, shared by all handles to it.
type account struct {
	store     *Store
	id        AccountID
	name      atomic.Pointer[string]
	dir       string
	log       *slog.Logger
	db        *dbfile.DB
	blobs     *blob.Store
	committer *committer
	compactor *packCompactor // Nil during recovery.
	views     viewCache
	keywords  keywordTable
	recent    recentMarks
	watchers  watchers
	lastKey   atomic.Int64 // Last EmailID.Key given out.
	young     youngThreads // Of the committer.
	slot      *slot        // Of store, set once open.

	correspondents correspondentList
	damaged        atomic.Bool // The database was found to be.

	// adding counts calls that may have content on disk which the database does not know yet.
	adding atomic.Int64

	// calls is held for reading while db is used.
	calls  sync.RWMutex
	closed bool // Guarded by calls.

	// mu guards what the last commit published.
	mu            sync.RWMutex
	row           accountRow
	boxes         mailboxTable
	subscriptions map[string]struct{}
	muted         map[ThreadID]struct{}
}

// openAccount opens the account in a directory.
func openAccount(ctx context.Context, s *Store, info accountFile, dir string) (_ *account, rerr error) {
	a := &account{store: s, id: info.ID, dir: dir, log: s.opts.Log.With("account", info.Name)}
	a.name.Store(&info.Name)
	refused, err := a.openFiles(ctx)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", info.Name, a.cure(err))
	}
	a.committer = newCommitter(a)
	a.compactor = &packCompactor{account: a}
	if refused != nil {
		a.committer.refuse(refused)
	}
	a.committer.start()
	a.compactor.poke()
	return a, nil
}

// openFiles opens database and content. Where the disk does not let them be opened for writing, and when the store is
// for reading only, that is for reading: refused is why nothing can be written.
func (a *account) openFiles(ctx context.Context) (refused, rerr error) {
	refused = a.openWritable(ctx)
	if refused == nil || !a.store.opts.ReadOnly && !noSpace(refused) && !noWriting(refused) {
		return nil, refused
	}
	return refused, a.openBoth(ctx, openDatabaseCopy, true)
}

func (a *account) openWritable(ctx context.Context) error {
	if a.store.opts.ReadOnly {
		return ErrReadOnly
	}
	return a.openBoth(ctx, openDatabase, false)
}

// openBoth opens the database with open, and the content.
func (a *account) openBoth(ctx context.Context, open func(ctx context.Context, dir string) (*dbfile.DB, error), readOnly bool) (rerr error) {
	db, err := open(ctx, a.dir)
	if err != nil {
		return err
	}
	defer func() {
		if rerr != nil {
			rerr = errors.Join(rerr, db.Close())
		}
	}()
	a.store.mapped.Add(db)
	a.db = db
	if err := upgrade(ctx, db, a.log, schemaVersion, upgradeSteps); err != nil {
		return err
	}
	if err := a.load(ctx); err != nil {
		return fmt.Errorf("reading database: %w", err)
	}
	a.blobs, err = blob.Open(filepath.Join(a.dir, "blobs"), blob.Options{FS: a.store.opts.FS, Logger: a.log, ReadOnly: readOnly})
	return err
}

// cure adds to an error of the database what an operator can do about it.
func (a *account) cure(err error) error {
	switch {
	case errors.Is(err, ErrDamaged):
		return fmt.Errorf("%w; restore the account from a backup, or stop mox, move the file away and run \"mox recover %s\"", err, *a.name.Load())
	case noSpace(err) || noWriting(err):
		return unwritable(a.dir, err)
	}
	return err
}

// databasePath returns the name of the database in the directory of an account.
func databasePath(dir string) string { return filepath.Join(dir, "index.db") }

// openDatabase opens the database in the directory of an account. Returns ErrNewerVersion.
func openDatabase(ctx context.Context, dir string) (*dbfile.DB, error) {
	return openDatabaseWith(ctx, dir, dbfile.Open)
}

// openDatabaseCopy opens a copy of the database, to which may be written whatever the disk says.
func openDatabaseCopy(ctx context.Context, dir string) (*dbfile.DB, error) {
	return openDatabaseWith(ctx, dir, dbfile.OpenCopy)
}

func openDatabaseWith(ctx context.Context, dir string, open func(ctx context.Context, path string, types ...any) (*dbfile.DB, error)) (*dbfile.DB, error) {
	if _, err := os.Stat(databasePath(dir)); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: restore it from a backup, or run \"mox recover\"", errNoDatabase)
	}
	db, err := open(ctx, databasePath(dir), versionRow{})
	if err != nil {
		return nil, err
	}
	err = checkVersion(ctx, db, schemaVersion)
	if err == nil {
		err = registerTypes(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

var errNoDatabase = errors.New("database is missing")

// newDatabase makes a database of the current version without rows.
func newDatabase(ctx context.Context, dir string) (*dbfile.DB, error) {
	db, err := dbfile.Open(ctx, databasePath(dir), versionRow{})
	if err != nil {
		return nil, err
	}
	err = db.Insert(ctx, &versionRow{ID: 1, Version: schemaVersion})
	if err == nil {
		err = registerTypes(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func registerTypes(ctx context.Context, db *dbfile.DB) error {
	if err := db.Register(ctx, schemaTypes()...); err != nil {
		return err
	}
	return db.HintAppend(true, appendedTypes()...)
}

// load reads what is kept in memory while the account is open.
func (a *account) load(ctx context.Context) error {
	a.boxes = mailboxTable{byID: map[MailboxID]*mailbox{}, byName: map[string]MailboxID{}, below: map[string]int{}}
	a.subscriptions = map[string]struct{}{}
	return a.db.Read(ctx, func(tx *bstore.Tx) error {
		a.row = accountRow{ID: 1}
		if err := tx.Get(&a.row); err != nil {
			return err
		}
		if err := a.keywords.load(tx); err != nil {
			return err
		}
		if err := a.loadMailboxes(tx); err != nil {
			return err
		}
		err := bstore.QueryTx[subscriptionRow](tx).ForEach(func(r subscriptionRow) error {
			a.subscriptions[r.Name] = struct{}{}
			return nil
		})
		if err != nil {
			return err
		}
		a.muted = map[ThreadID]struct{}{}
		err = bstore.QueryTx[mutedThreadRow](tx).ForEach(func(r mutedThreadRow) error {
			a.muted[r.Thread] = struct{}{}
			return nil
		})
		if err != nil {
			return err
		}
		if a.young, err = loadYoungThreads(tx); err != nil {
			return err
		}
		last, err := lastRow[emailRow](tx)
		a.lastKey.Store(last.ID)
		return err
	})
}

// keyField returns the name of the primary key of a type of row.
func keyField[T any]() string { return reflect.TypeFor[T]().Field(0).Name }

// lastRow returns the row with the highest key, the zero row if there is none.
func lastRow[T any](tx *bstore.Tx) (T, error) {
	r, err := bstore.QueryTx[T](tx).SortDesc(keyField[T]()).Limit(1).Get()
	if err == bstore.ErrAbsent {
		err = nil
	}
	return r, err
}

// firstRow returns the row with the lowest key, and false if there is none.
func firstRow[T any](tx *bstore.Tx) (T, bool, error) {
	r, err := bstore.QueryTx[T](tx).SortAsc(keyField[T]()).Limit(1).Get()
	if err == bstore.ErrAbsent {
		return r, false, nil
	}
	return r, err == nil, err
}

// read runs fn in a read transaction, which must be short. Returns ErrClosed.
func (a *account) read(ctx context.Context, fn func(tx *bstore.Tx) error) error {
	a.calls.RLock()
	defer a.calls.RUnlock()
	if a.closed {
		return ErrClosed
	}
	err := a.db.Read(ctx, fn)
	if errors.Is(err, ErrDamaged) {
		a.tellDamage(err)
	}
	return err
}

// tellDamage logs, once, that the database is damaged.
func (a *account) tellDamage(err error) {
	if !a.damaged.Swap(true) {
		a.store.metrics.damaged.Inc()
		a.log.Error("database of account is damaged, what does not need the damaged part goes on", "err", a.cure(err))
	}
}

// write runs fn in the committer, together with others that wait. See op for what fn may do.
func (a *account) write(ctx context.Context, label string, fn func(tx *txn) error) error {
	return a.committer.do(ctx, &op{label: label, run: fn})
}

// close ends the account once waiting writes are done. With erase set, what was expunged is erased
// before, and a database of which much is free made smaller after.
func (a *account) close(erase bool) error {
	a.compactor.stop()
	a.committer.stop(erase)
	a.calls.Lock()
	defer a.calls.Unlock()
	a.closed = true
	a.views.forget()
	whole := a.committer.refused() == nil && !a.damaged.Load()
	if a.committer.chores.sweep {
		a.blobs.SetUnclean() // Files that a crash left are still to be looked for.
	}
	err := errors.Join(a.blobs.Close(), a.db.Close(), a.committer.settle())
	if err == nil && erase && whole {
		compactClosed(a.dir, a.log)
	}
	return err
}

func (a *account) quota() int64 {
	if a.store.opts.Quota == nil {
		return 0
	}
	return a.store.opts.Quota(*a.name.Load())
}

// emailKeyRandom is how many bits of EmailID.Key are random.
const emailKeyRandom = 20

// newEmailID returns an id for an email. Keys are never repeated, and ascend with time.
func (a *account) newEmailID() (EmailID, error) {
	var b [8 + 4]byte
	if _, err := io.ReadFull(randReader{a.store}, b[:]); err != nil {
		return EmailID{}, fmt.Errorf("reading random bytes: %w", err)
	}
	id := EmailID{Random: int64(binary.BigEndian.Uint64(b[:]))}
	random := int64(binary.BigEndian.Uint32(b[8:])) & (1<<emailKeyRandom - 1)
	at := a.store.opts.Now().Sub(emailKeyEpoch).Milliseconds()
	for {
		last := a.lastKey.Load()
		id.Key = at<<emailKeyRandom | random
		if id.Key <= last {
			// Several in one millisecond, or the clock was set back.
			id.Key = last + 1 + random>>8
		}
		if a.lastKey.CompareAndSwap(last, id.Key) {
			return id, nil
		}
	}
}

// emailKeyEpoch is when the time in keys of emails begins. 43 bits of milliseconds last for 278 years.
var emailKeyEpoch = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)

// mailbox returns a mailbox as last committed.
func (a *account) mailbox(id MailboxID) (*mailbox, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	mb, ok := a.boxes.byID[id]
	return mb, ok
}

// modSeq returns the highest modseq published.
func (a *account) modSeq() imap.ModSeq {
	a.views.moment.RLock() // The row is published before the Views.
	defer a.views.moment.RUnlock()
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.row.ModSeq
}
