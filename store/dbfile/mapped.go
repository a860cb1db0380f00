package dbfile

import (
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mjl-/bstore"
	bolt "go.etcd.io/bbolt"
)

// Bounds of the memory that mapped pages count for.
const (
	mappedGrowth = 16 << 20    // Growth for which pages are given back.
	mappedEvery  = time.Second // How long after use it is looked at.
	mappedPiece  = 32 << 20    // Given back in one read transaction, which takes less than half a millisecond.
)

// Mapped bounds how much of the process's resident memory is pages of databases. A page that was read stays
// mapped, and so a process with databases that grow would seem to grow with them. A second after they were used,
// and if more than 16 MiB became resident since the last time, all pages are given back to the
// system, which keeps them as cache of the file: the next use costs a fault of some microseconds for 16 pages, and no
// reading. On other systems than Linux nothing is given back.
//
// The zero Mapped holds no databases. It is safe for concurrent use.
type Mapped struct {
	pending atomic.Bool // A look is planned.

	resident func() int64 // Bytes of files that are resident. Nil is residentFiles, of the whole process.

	mu  sync.Mutex // Guards what follows.
	dbs map[*DB]struct{}

	// floor is what is resident of all files when none of the pages are, or the least there was since they were
	// given back.
	floor int64
}

// Add has pages of an open database given back until it is closed. It is called before the database is used by others.
func (m *Mapped) Add(db *DB) {
	db.mapped = m
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dbs == nil {
		m.dbs = map[*DB]struct{}{}
		m.floor = m.residentNow()
	}
	m.dbs[db] = struct{}{}
}

func (m *Mapped) residentNow() int64 {
	if m.resident != nil {
		return m.resident()
	}
	return residentFiles()
}

func (m *Mapped) remove(db *DB) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.dbs, db)
}

// used plans a look, after a transaction. While nothing is used, nothing is looked at.
func (m *Mapped) used() {
	if m == nil || m.pending.Load() || m.pending.Swap(true) {
		return
	}
	time.AfterFunc(mappedEvery, m.look)
}

// look gives pages back if there are enough of them.
func (m *Mapped) look() {
	if m.grown() {
		m.release()
		m.mu.Lock()
		m.floor = m.residentNow()
		m.mu.Unlock()
	}
	m.pending.Store(false)
}

// grown reports whether much became resident.
func (m *Mapped) grown() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	resident := m.residentNow()
	m.floor = min(m.floor, resident)
	return resident-m.floor > mappedGrowth
}

// release gives back all pages of all databases.
func (m *Mapped) release() {
	m.mu.Lock()
	dbs := make([]*DB, 0, len(m.dbs))
	for db := range m.dbs {
		dbs = append(dbs, db)
	}
	m.mu.Unlock()
	for _, db := range dbs {
		db.release()
	}
}

// release gives the database's pages back. What it cannot give back stays.
func (db *DB) release() {
	b := engine(db.db)
	if b == nil {
		return
	}
	for off, more := int64(0), true; more; off += mappedPiece {
		err := db.guard(func(began *bool) error {
			// While a transaction lasts, the map stays where it is.
			return b.View(func(tx *bolt.Tx) error {
				*began = true
				n := min(tx.Size()-off, mappedPiece)
				more = off+n < tx.Size()
				if n <= 0 {
					return nil
				}
				return releaseMemory(b.Info().Data+uintptr(off), uintptr(n))
			})
		})
		more = more && err == nil // It may be closed meanwhile.
	}
}

// engine returns the bbolt database beneath, which bstore keeps to itself. It returns nil if bstore keeps it elsewhere than
// it did.
func engine(db *bstore.DB) *bolt.DB {
	f := reflect.ValueOf(db).Elem().FieldByName("bdb")
	if !f.IsValid() || f.Type() != reflect.TypeFor[*bolt.DB]() {
		return nil
	}
	return (*bolt.DB)(f.UnsafePointer())
}
