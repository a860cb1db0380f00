package blob

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"mox/internal/vfs"
)

// Defaults of Options.
const (
	DefaultMaxPackSize    = 64 << 20
	DefaultLargeThreshold = 256 << 10
	DefaultMaxOpenFiles   = 8
)

// Options are the settings of a Store. The zero value of each field is its
// default.
type Options struct {
	// FS is where the files are. Default vfs.OS.
	FS vfs.FS

	// MaxPackSize is the size in bytes from which on a pack is sealed and the
	// next one begun, at most 1 GiB. Default DefaultMaxPackSize.
	MaxPackSize int64

	// LargeThreshold is the size in bytes above which a blob gets a file of its
	// own, at most 16 MiB. Default DefaultLargeThreshold.
	LargeThreshold int64

	// MaxOpenFiles is how many files without readers are kept open. Default
	// DefaultMaxOpenFiles.
	MaxOpenFiles int

	// ReadOnly opens the store without writing anything: what another process left is not
	// cleaned up, and all that would write returns ErrReadOnly until SetWritable was called.
	ReadOnly bool

	// Logger is told of damage and of failed disk operations that do not fail
	// the call they happen in. Default slog.Default.
	Logger *slog.Logger

	// checkpoint is checkpointInterval unless a test says otherwise.
	checkpoint int64
}

// Store is the blobs of one account. All methods may be called concurrently.
type Store struct {
	dir       string
	fs        vfs.FS
	log       *slog.Logger
	maxPack   int64
	threshold int64
	interval  int64 // checkpointInterval.
	marker    marker
	unclean   bool
	first     uint32 // The first number this session could use.
	handles   *handles
	batches   sync.Pool // Of *[]byte or nothing, for records to be appended.
	copies    sync.Pool // Of *[copySize]byte or nothing.

	// mu is held by writers, also while they write and sync.
	mu     sync.Mutex
	closed bool
	packs  map[uint32]*pack // All, sealed and open.
	dirty  bool             // The ledger on disk is out of date.
	doubt  bool             // See SetUnclean.

	readOnly atomic.Bool // Set with mu held.

	open     *pack    // The pack appended to, nil if there is none yet.
	w        vfs.File // Of open.
	unsynced bool     // Something was appended to open since it was synced.
	marked   int64    // Size of open in the ledger.
	began    int64    // Size of open when it was opened.
	filled   int64    // The file of open ends here, with zeros behind its size.

	// undecided are the places of the last Put, but for what was deleted since:
	// the database may not have come to know them yet.
	undecided map[place]bool

	// holdMu guards holds. It is held while a file is removed, so that it is there as long as a Snapshot has it.
	holdMu sync.Mutex
	holds  holds

	// compactMu is held by the one compaction that runs.
	compactMu sync.Mutex

	// ledgerMu guards the ledger file and the numbers. It is taken after mu.
	ledgerMu sync.Mutex
	ledger   ledger // As last written.
	next     uint32 // The next number.
	reserved uint32 // The number from which on the ledger has to be written first.
	final    bool   // No more numbers, the store is closed.
}

// pack is the account of a pack file. Store.mu guards it.
type pack struct {
	number  uint32
	size    int64 // Of header and valid records.
	dead    int64 // Bytes of deleted records.
	durable int64 // Up to here it is known that all was durable.
	damaged bool  // Has bytes before that which are no records.

	// tombs counts the bytes of tombstones by the pack they are about. They can
	// go when that pack is gone.
	tombs map[uint32]int64
}

// addTombstone counts a tombstone in p. Those about large files, which are gone
// already, are of no use but for a crash that brings them back.
func (p *pack) addTombstone(ref Ref, size int64) {
	if ref.file {
		p.dead += size
		return
	}
	p.tombs[ref.number] += size
}

// settle counts the tombstones about packs that are gone as dead. Store.mu is held.
func (s *Store) settle(p *pack) {
	for number, n := range p.tombs {
		if s.packs[number] == nil {
			p.dead += n
			delete(p.tombs, number)
		}
	}
}

// Open opens the store in a directory, which is made if missing. It removes
// what an earlier process left unfinished. It reads what was appended to the open
// pack since the ledger was written, but no sealed pack.
func Open(dir string, opts Options) (*Store, error) {
	s := &Store{
		dir:       dir,
		fs:        opts.FS,
		log:       opts.Logger,
		maxPack:   opts.MaxPackSize,
		threshold: opts.LargeThreshold,
		interval:  opts.checkpoint,
		packs:     map[uint32]*pack{},
		undecided: map[place]bool{},
	}
	if s.fs == nil {
		s.fs = vfs.OS{}
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.maxPack == 0 {
		s.maxPack = DefaultMaxPackSize
	}
	if s.threshold == 0 {
		s.threshold = DefaultLargeThreshold
	}
	if s.interval == 0 {
		s.interval = checkpointInterval
	}
	if opts.MaxOpenFiles == 0 {
		opts.MaxOpenFiles = DefaultMaxOpenFiles
	}
	if s.maxPack < 0 || s.maxPack > 1<<30 || s.threshold < 0 || s.threshold > 16<<20 || opts.MaxOpenFiles < 0 {
		return nil, errors.New("blob: option out of range")
	}
	s.handles = newHandles(opts.MaxOpenFiles)
	s.readOnly.Store(opts.ReadOnly)
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("blob: opening %s: %w", dir, err)
	}
	return s, nil
}

// load finds out what the directory holds.
func (s *Store) load() (rerr error) {
	defer func() {
		if rerr != nil && s.w != nil {
			rerr = errors.Join(rerr, s.w.Close())
			s.open, s.w = nil, nil
		}
	}()
	readOnly := s.readOnly.Load()
	for _, d := range []string{s.dir, s.filesDir(), s.tmpDir()} {
		if readOnly {
			break
		}
		if err := vfs.MkdirAllSync(s.fs, d, 0o700); err != nil {
			return err
		}
	}
	l, err := s.readLedger()
	if err != nil {
		return err
	}
	sizes, err := s.listPacks()
	if err != nil {
		return err
	}
	if err := s.sweepTmp(); err != nil {
		return err
	}
	fresh := l == nil
	if fresh {
		if l, err = s.newLedger(sizes); err != nil {
			return err
		}
	}
	var m marker
	if _, err := hex.Decode(m[:], []byte(l.Marker)); err != nil {
		return err
	}
	if m != s.marker {
		s.marker = m
	}
	s.ledger = *l
	// An older ledger may have come from a backup.
	s.next = l.Next
	for number := range sizes {
		s.next = max(s.next, number+1)
	}
	s.reserved = s.next
	if !l.Clean {
		s.unclean = true
	}
	s.takeAccounts(l, sizes)
	if err := s.loadTail(l); err != nil {
		return err
	}
	s.first = s.next
	if (s.unclean || fresh) && !readOnly {
		// The process before may have ended between giving a file its name and
		// making that durable.
		return s.syncDirs()
	}
	return nil
}

// listPacks returns the sizes of the pack files by number.
func (s *Store) listPacks() (map[uint32]int64, error) {
	entries, err := s.fs.ReadDir(s.dir)
	if s.readOnly.Load() && errors.Is(err, fs.ErrNotExist) {
		return nil, nil // Nothing was ever put.
	} else if err != nil {
		return nil, err
	}
	sizes := map[uint32]int64{}
	for _, e := range entries {
		number, ok := parseName(e.Name(), packSuffix)
		if !ok {
			continue
		}
		fi, err := s.fs.Stat(s.packName(number))
		if err != nil {
			return nil, err
		}
		sizes[number] = fi.Size()
	}
	return sizes, nil
}

// sweepTmp removes unfinished files.
func (s *Store) sweepTmp() error {
	if s.readOnly.Load() {
		return nil
	}
	entries, err := s.fs.ReadDir(s.tmpDir())
	if err != nil {
		return err
	}
	for _, e := range entries {
		s.unclean = true
		err := s.fs.Remove(filepath.Join(s.tmpDir(), e.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// newLedger makes up a ledger for a directory that has none, or none that can be
// read. Numbers of files that once were there are not known then, so a good many
// are left out. Of the packs all but the last, which may have an unfinished end,
// are taken to be in use as a whole; compaction will find out better.
func (s *Store) newLedger(sizes map[uint32]int64) (*ledger, error) {
	var m marker
	if _, err := rand.Read(m[:]); err != nil {
		return nil, err
	}
	l := &ledger{Version: formatVersion, Next: 1, Clean: true, Length: fileHeaderSize}
	entries, err := s.fs.ReadDir(s.filesDir())
	if err != nil && !(s.readOnly.Load() && errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	var highest uint32
	for _, e := range entries {
		if number, ok := parseName(e.Name(), fileSuffix); ok {
			highest = max(highest, number)
		}
	}
	for number := range sizes {
		highest = max(highest, number)
		l.Open = max(l.Open, number)
	}
	if highest > 0 {
		const lost = 1 << 16
		l.Next = highest + lost
		l.Clean = false
		found, err := s.findMarker(sizes, entries)
		if err != nil {
			return nil, err
		}
		if found != nil {
			m = *found
		}
	}
	l.Marker = hex.EncodeToString(m[:])
	return l, nil
}

// takeAccounts sets up the packs as the ledger counted them.
func (s *Store) takeAccounts(l *ledger, sizes map[uint32]int64) {
	counted := map[uint32]ledgerPack{}
	for _, lp := range l.Packs {
		counted[lp.Number] = lp
	}
	for number, size := range sizes {
		lp, ok := counted[number]
		if !ok && number < l.Open && size <= fileHeaderSize {
			// Making this pack failed, and so did removing it.
			if s.readOnly.Load() {
				continue
			}
			s.tryRemove(s.packName(number))
			continue
		}
		p := &pack{number: number, size: size, dead: lp.Dead, tombs: cloneTombs(lp.Tombs)}
		if number < l.Open && lp.Size > 0 {
			// What lies behind in the file was never acknowledged.
			p.size = min(size, lp.Size)
			p.durable = lp.Size - lp.Gap
			p.damaged = lp.Damaged || size < p.durable
		}
		s.packs[number] = p
	}
}

// syncDirs makes the names of all files durable.
func (s *Store) syncDirs() error {
	for _, d := range []string{s.filesDir(), s.dir, filepath.Dir(s.dir)} {
		if err := s.fs.SyncDir(d); err != nil {
			return err
		}
	}
	return nil
}

// Unclean tells whether the process that had the store before ended without
// Close, or called SetUnclean. Then there may be large files that the database does not know, see
// SweepFiles.
func (s *Store) Unclean() bool { return s.unclean }

// SetUnclean makes the store Unclean when it is opened next, though it is closed well. It is for when the database
// failed in a way that leaves large files which it does not know.
func (s *Store) SetUnclean() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubt = true
}

// SetWritable ends what Options.ReadOnly says. Nothing changes if it returns an error.
func (s *Store) SetWritable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if !s.readOnly.Load() {
		return nil
	}
	before := s.packs
	s.packs = map[uint32]*pack{}
	s.readOnly.Store(false)
	s.ledgerMu.Lock()
	defer s.ledgerMu.Unlock()
	if err := s.load(); err != nil {
		s.packs = before
		s.readOnly.Store(true)
		return fmt.Errorf("blob: opening %s: %w", s.dir, err)
	}
	return nil
}

// Close ends all writing and closes the files that no Reader has open. It is
// called when all other calls have returned. Open Readers go on until closed.
//
// The ledger is written if that is possible. Where it is not, as on a full disk, the next Open finds
// out by itself what it would tell.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.closed = true
	s.handles.closeAll()
	var err error
	if s.w != nil {
		err = s.releaseOpen()
	}
	s.ledgerMu.Lock()
	s.final = true
	stale := s.dirty || s.doubt || !s.ledger.Clean
	s.ledgerMu.Unlock()
	if err != nil || !stale || s.readOnly.Load() {
		return err
	}
	// Nobody looks for large files left over from a session that ended well.
	err = s.fs.SyncDir(s.filesDir())
	if err == nil {
		err = s.checkpoint(!s.doubt)
	}
	if err != nil {
		s.log.Warn("ledger of packs is not written, opening takes longer next time", "file", s.ledgerName(), "err", err)
	}
	return nil
}

// PackInfo describes a pack.
type PackInfo struct {
	Number uint32
	Path   string // Of the file.
	Size   int64  // In bytes. Of the open pack's file no more than this is valid.
	Dead   int64  // Bytes of Size known to be of no use.
	Sealed bool   // The file will not be written to again.

	// Damaged says that something in the pack was found to be lost. It is told
	// by the log, by VerifyAll and by Compact what.
	Damaged bool

	durable int64
}

// Packs describes all packs in the order of their numbers.
func (s *Store) Packs() []PackInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var infos []PackInfo
	for _, p := range s.sorted() {
		s.settle(p)
		infos = append(infos, PackInfo{
			Number: p.number,
			Path:   s.packName(p.number),
			Size:   p.size,
			Dead:   min(p.dead, p.size),
			Sealed: p != s.open,

			Damaged: p.damaged,
			durable: p.durable,
		})
	}
	return infos
}

// sorted returns the packs by number. s.mu is held.
func (s *Store) sorted() []*pack {
	return slices.SortedFunc(maps.Values(s.packs), func(a, b *pack) int {
		return cmp.Compare(a.number, b.number)
	})
}

func cloneTombs(m map[uint32]int64) map[uint32]int64 {
	if m == nil {
		return map[uint32]int64{}
	}
	return maps.Clone(m)
}
