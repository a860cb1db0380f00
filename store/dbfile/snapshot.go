package dbfile

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"math/bits"
	"os"
)

// Bounds of what advance copies.
const (
	snapshotPiece = 1 << 20 // Bytes read at a time.
	snapshotLast  = 4 << 20 // Bytes that are copied while writes wait.
	snapshotMost  = 8       // Rounds after which all that is left is copied, however much it is.
)

// snapshot copies a database while it is written to, in rounds: first all pages in use, then those that were written
// meanwhile, which are fewer each time. Only for the last few, and for finding out which they are, writes have to wait.
//
// bbolt never writes to a page in use. A page can have changed only if it was free after one of the transactions since
// it was copied, so those are noted after each commit: the list of free pages is on the disk by then. No read
// transaction is held, which would keep pages from being used again and, where the file outgrows its map, the writer
// from going on.
//
// It is used by one goroutine.
type snapshot struct {
	db       *DB
	src, dst *os.File
	path     string

	// Of the only writer of the database.
	noted pageSet // Pages that were free after some transaction since the last round began.
	err   error

	pages  uint64 // Those in use before the last round began were below.
	size   int    // Of a page.
	todo   pageSet
	rounds int
	copied int64
}

// WriteSnapshot copies an open database to a new file, whose content is durable then, but not its name. Exclusively has to call step as
// the only writer of the database; step reports whether the copy is complete, as the database is at that moment, and else is to be
// called once more later. Progress is told how many bytes were copied since; it may be nil. After an error there is no copy.
func (db *DB) WriteSnapshot(ctx context.Context, path string, exclusively func(step func() (done bool, err error)) error, progress func(n int64)) (rerr error) {
	s, err := db.newSnapshot(path)
	if err != nil {
		return err
	}
	defer func() {
		if rerr != nil {
			rerr = errors.Join(rerr, s.cancel())
		}
	}()
	told := int64(0)
	for done := false; !done; {
		err := exclusively(func() (bool, error) {
			var err error
			done, err = s.advance()
			return done, err
		})
		if err == nil && !done {
			err = s.copy(ctx)
		}
		if err != nil {
			return err
		}
		if progress != nil {
			progress(s.copied - told)
			told = s.copied
		}
	}
	return s.finish()
}

// newSnapshot begins to copy an open database to a new file, of which at most one copy may be made at a time. The caller
// then calls advance and copy in turn, and at last finish or cancel.
func (db *DB) newSnapshot(path string) (_ *snapshot, rerr error) {
	s := &snapshot{db: db, path: path}
	var err error
	if s.src, err = os.Open(db.path); err != nil {
		return nil, err
	}
	defer func() {
		if rerr != nil {
			s.src.Close()
		}
	}()
	if s.dst, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	if !db.snapshot.CompareAndSwap(nil, s) {
		return nil, errors.Join(errors.New("database is being copied already"), s.dst.Close(), os.Remove(path))
	}
	return s, nil
}

// note has a snapshot under way know what a transaction may have left to be written over.
func (db *DB) note() {
	if s := db.snapshot.Load(); s != nil && s.noted != nil && s.err == nil {
		_, s.err = s.noteFree(s.noted)
	}
}

// noteFree adds the pages that are free now to a set.
func (s *snapshot) noteFree(set pageSet) (meta, error) {
	m, err := readMeta(s.src)
	if err != nil {
		return m, err
	}
	if m.freelist == noFreelist {
		return m, errors.New("database has no list of free pages")
	}
	c := checker{ctx: context.Background(), f: s.src, meta: m}
	var problem error
	c.report = func(text string) error {
		problem = damaged(s.db.path, errors.New(text))
		return problem
	}
	c.seen = make([]uint64, m.pages/64+1)
	c.seen[0] = 1<<0 | 1<<1
	// Besides the free pages this takes those of the list itself, which the next transaction gives up.
	if err := c.free(m.freelist); err != nil {
		return m, err
	}
	set.addAll(c.seen)
	return m, nil
}

// advance begins a round: it finds out which pages are to be copied. If they are few it copies them and reports that
// the copy is complete. Else copy has to be called, and then advance again. The database must have one writer only, which
// makes the call: between its transactions, or in one before that has ended.
func (s *snapshot) advance() (done bool, rerr error) {
	if s.err != nil {
		return false, s.err
	}
	m, err := readMeta(s.src)
	if err != nil {
		return false, err
	}
	free := newPageSet(m.pages)
	if m, err = s.noteFree(free); err != nil {
		return false, err
	}
	s.size = m.pageSize
	s.todo = newPageSet(m.pages)
	for i := range s.todo {
		var was uint64 = ^uint64(0) // All, in the first round.
		if s.rounds > 0 {
			was = s.noted.word(i) | wordFrom(s.pages, i)
		}
		s.todo[i] = was &^ free[i] & wordBelow(m.pages, i)
	}
	list, err := s.freelistPages(m)
	if err != nil {
		return false, err
	}
	for _, p := range list {
		s.todo[p/64] |= 1 << (p % 64)
	}
	s.pages = m.pages
	s.noted = free
	s.rounds++
	if s.todo.count()*int64(s.size) > snapshotLast && s.rounds <= snapshotMost {
		return false, nil
	}
	if err := s.copy(context.Background()); err != nil {
		return false, err
	}
	s.noted = nil // No more is to be known.
	return true, s.writeMetas(m)
}

// freelistPages returns the pages of the list of free pages, which noteFree takes for free.
func (s *snapshot) freelistPages(m meta) ([]uint64, error) {
	b := make([]byte, pageHeader)
	if _, err := s.src.ReadAt(b, int64(m.freelist)*int64(m.pageSize)); err != nil {
		return nil, err
	}
	var l []uint64
	for i := range uint64(binary.NativeEndian.Uint32(b[12:])) + 1 {
		l = append(l, m.freelist+i)
	}
	return l, nil
}

// copy copies the pages of a round. The database may be written to meanwhile.
func (s *snapshot) copy(ctx context.Context) error {
	buf := make([]byte, snapshotPiece)
	most := uint64(len(buf) / s.size)
	for first, n := s.todo.run(0, most); n > 0; first, n = s.todo.run(first+n, most) {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:int(n)*s.size]
		off := int64(first) * int64(s.size)
		if _, err := s.src.ReadAt(b, off); err != nil {
			return err
		}
		if _, err := s.dst.WriteAt(b, off); err != nil {
			return err
		}
		s.copied += int64(len(b))
	}
	return nil
}

// writeMetas writes the first pages of the copy. Both lead to the same content, as that before it is not there.
func (s *snapshot) writeMetas(m meta) error {
	page := make([]byte, s.size)
	if _, err := s.src.ReadAt(page, int64(m.txid%2)*int64(s.size)); err != nil {
		return err
	}
	for id := range uint64(2) {
		txid := m.txid
		if txid%2 != id {
			txid--
		}
		binary.NativeEndian.PutUint64(page, id)
		b := page[pageHeader:]
		binary.NativeEndian.PutUint64(b[48:], txid)
		h := fnv.New64a()
		h.Write(b[:metaSize-8])
		binary.NativeEndian.PutUint64(b[metaSize-8:], h.Sum64())
		if _, err := s.dst.WriteAt(page, int64(id)*int64(s.size)); err != nil {
			return err
		}
	}
	return s.dst.Truncate(m.end())
}

// finish makes the copy durable, but for its name, once advance has reported that it is complete, and ends the snapshot.
// After an error cancel is still to be called.
func (s *snapshot) finish() error {
	if err := s.dst.Sync(); err != nil {
		return err
	}
	return s.end()
}

// cancel ends the snapshot and removes the copy.
func (s *snapshot) cancel() error { return errors.Join(s.end(), os.Remove(s.path)) }

func (s *snapshot) end() error {
	s.db.snapshot.Store(nil)
	return errors.Join(s.src.Close(), s.dst.Close())
}

// pageSet has a bit for each page.
type pageSet []uint64

func newPageSet(pages uint64) pageSet { return make(pageSet, pages/64+1) }

// addAll adds what is in o. Pages behind the end of the set were added to the file since, and need no note.
func (p pageSet) addAll(o []uint64) {
	for i := range min(len(p), len(o)) {
		p[i] |= o[i]
	}
}

func (p pageSet) count() (n int64) {
	for _, w := range p {
		n += int64(bits.OnesCount64(w))
	}
	return n
}

func (p pageSet) word(i int) uint64 {
	if i >= len(p) {
		return 0
	}
	return p[i]
}

// wordFrom has the pages from one on of the word with index i, wordBelow those below it.
func wordFrom(page uint64, i int) uint64 { return ^wordBelow(page, i) }
func wordBelow(page uint64, i int) uint64 {
	switch at := uint64(i) * 64; {
	case page <= at:
		return 0
	case page-at >= 64:
		return ^uint64(0)
	default:
		return 1<<(page-at) - 1
	}
}

// run returns the first pages in the set from one on that stand together, at most so many; none at the end.
func (p pageSet) run(from, most uint64) (first, n uint64) {
	has := func(page uint64) bool { return p[page/64]&(1<<(page%64)) != 0 }
	end := uint64(len(p)) * 64
	for first = from; first < end; first++ {
		if first%64 == 0 && p[first/64] == 0 {
			first += 63
			continue
		}
		if has(first) {
			break
		}
	}
	for n < most && first+n < end && has(first+n) {
		n++
	}
	return first, n
}
