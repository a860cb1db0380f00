package store

import (
	"container/list"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mox/internal/filelock"
	"mox/internal/vfs"
	"mox/store/dbfile"
)

// Options for New. Zero values have the defaults told.
type Options struct {
	Dir string // Directory with one directory per account; made when missing. Required.

	FS  vfs.FS           // For all but databases. Names must be those of the operating system. Default: that.
	Log *slog.Logger     // Default: discard.
	Now func() time.Time // Default: time.Now.

	// Rand is the source of ids and salts. It is read by one goroutine at a time. Default:
	// crypto/rand.
	Rand io.Reader

	// Registerer receives the store's metrics. Default: none.
	Registerer prometheus.Registerer

	// Quota returns the most bytes an account may hold; zero for no limit. Default: no limit.
	Quota func(account string) int64

	// Mailboxes are made in a new account, besides Inbox. Default: DefaultMailboxes.
	Mailboxes []InitialMailbox

	MaxOpen    int           // Accounts kept open without handles, together with those in use. Default 1000.
	IdleClose  time.Duration // An account nobody uses closes after this. Default 1 minute.
	EraseAfter time.Duration // How long expunged content stays readable. Default 10 minutes.

	// EmailCache is how many bytes of emails that were read lately, without content, are kept in memory. Default
	// 20 MB, enough for some 10,000; negative for none.
	EmailCache int64

	// ReadOnly has nothing in Dir changed. Calls that write return ErrReadOnly. Nobody else may use Dir
	// meanwhile, which is ensured if it has the file lock.
	ReadOnly bool

	// PasswordWorkers bounds how many password hashes are computed at a time. Default
	// GOMAXPROCS.
	PasswordWorkers int
}

// InitialMailbox is a mailbox of a new account.
type InitialMailbox struct {
	Name string
	Use  SpecialUse
}

// DefaultMailboxes returns Sent, Archive, Trash, Drafts and Junk.
func DefaultMailboxes() []InitialMailbox {
	return []InitialMailbox{{"Sent", Sent}, {"Archive", Archive}, {"Trash", Trash}, {"Drafts", Drafts}, {"Junk", Junk}}
}

// withDefaults returns options with the defaults filled in.
func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("store: no directory given")
	}
	if o.FS == nil {
		o.FS = vfs.OS{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Mailboxes == nil {
		o.Mailboxes = DefaultMailboxes()
	}
	if o.MaxOpen == 0 {
		o.MaxOpen = 1000
	}
	if o.IdleClose == 0 {
		o.IdleClose = time.Minute
	}
	if o.EraseAfter == 0 {
		o.EraseAfter = 10 * time.Minute
	}
	if o.EmailCache == 0 {
		o.EmailCache = 20 << 20
	}
	if o.MaxOpen < 0 || o.IdleClose < 0 || o.EraseAfter < 0 || o.PasswordWorkers < 0 {
		return o, errors.New("store: option is negative")
	}
	return o, nil
}

// Store is a set of accounts. It is safe for concurrent use.
type Store struct {
	opts       Options
	metrics    *metrics
	passwords  *passwords
	emails     *emailCache
	fakeSecret []byte // See loadFakeSecret.
	lock       *os.File
	mapped     dbfile.Mapped // Has the databases of open accounts.
	attempts   *loginAttempts
	leftOut    []leftOut // Set by New.

	randMu sync.Mutex // Held while reading opts.Rand.

	// mu guards what follows, and the slots.
	mu     sync.Mutex
	closed bool
	byName map[string]*slot
	byID   map[AccountID]*slot
	idle   *list.List // Of *slot: open without handles, the longest unused in front.
	open   int        // Slots with an open account.
}

// New opens the set and takes its lock, so that no other process does.
// Returns ErrLocked.
func New(opts Options) (_ *Store, rerr error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if !opts.ReadOnly {
		if err := vfs.MkdirAllSync(opts.FS, opts.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("making directory for accounts: %w", err)
		}
	}
	lock, err := lockDir(opts.Dir, opts.ReadOnly)
	if err != nil {
		return nil, err
	}
	defer func() {
		if rerr != nil {
			closeLock(lock)
		}
	}()
	s := &Store{opts: opts, emails: newEmailCache(opts.EmailCache), lock: lock, byName: map[string]*slot{}, byID: map[AccountID]*slot{}, idle: list.New()}
	if s.metrics, err = newMetrics(opts.Registerer); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	s.passwords = newPasswords(opts.PasswordWorkers, randReader{s}, opts.Now)
	s.fakeSecret = loadFakeSecret(opts)
	s.attempts = newLoginAttempts(s)
	if err := s.findAccounts(); err != nil {
		return nil, err
	}
	return s, nil
}

// Close waits for running calls, closes all accounts and gives up the lock.
func (s *Store) Close() error {
	s.attempts.close()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.closed = true
	slots := make([]*slot, 0, len(s.byName))
	for _, sl := range s.byName {
		slots = append(slots, sl)
	}
	s.mu.Unlock()

	var err error
	for _, sl := range slots {
		err = errors.Join(err, s.shut(sl))
	}
	return errors.Join(err, closeLock(s.lock))
}

func closeLock(lock *os.File) error {
	if lock == nil {
		return nil
	}
	return filelock.Close(lock)
}

// shut closes the account of a slot, if it is open, whoever has a handle.
func (s *Store) shut(sl *slot) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sl.busy != nil {
		ch := sl.busy
		s.mu.Unlock()
		<-ch
		s.mu.Lock()
	}
	if sl.acc == nil {
		return nil
	}
	return s.closeSlot(sl, false)
}

// AccountInfo describes an account.
type AccountInfo struct {
	ID   AccountID
	Name string
}

// randReader reads opts.Rand, one goroutine at a time.
type randReader struct{ s *Store }

func (r randReader) Read(b []byte) (int, error) {
	r.s.randMu.Lock()
	defer r.s.randMu.Unlock()
	return r.s.opts.Rand.Read(b)
}

// random63 returns a random positive number.
func (s *Store) random63() (int64, error) {
	var b [8]byte
	for {
		if _, err := io.ReadFull(randReader{s}, b[:]); err != nil {
			return 0, fmt.Errorf("reading random bytes: %w", err)
		}
		if v := int64(binary.BigEndian.Uint64(b[:]) >> 1); v != 0 {
			return v, nil
		}
	}
}

// lockDir takes the lock of a directory of accounts, which lasts as long as the file returned is open. For reading
// only it need not be there: the file is nil then.
func lockDir(dir string, readOnly bool) (*os.File, error) {
	name := filepath.Join(dir, "lock")
	flag := os.O_RDWR | os.O_CREATE
	if readOnly {
		flag = os.O_RDONLY
	}
	f, err := os.OpenFile(name, flag, 0o600)
	if readOnly && errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); err != nil {
			return nil, err
		}
		return nil, nil // Such as in a backup.
	} else if err != nil {
		return nil, unwritable(dir, err)
	}
	if err := filelock.Lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s (%v)", ErrLocked, name, err)
	}
	return f, nil
}
