package dbfile

import (
	"sync/atomic"
)

// Bounds of what is read ahead of a scan.
const (
	scanBatch   = 16        // Fewer rows at a time are no scan.
	scanPerRow  = 64 << 10  // Bytes that may be read for each row asked for: about what one costs that is read alone.
	scanMost    = 256 << 20 // A larger file is not read.
	scanReading = 1 << 20   // At a time.
)

// scan is what is known of rows read since the database was opened.
type scan struct {
	rows  atomic.Int64
	begun atomic.Bool
}

// Scanned says that n rows were read which may lie anywhere in the file. bbolt tells the system not to read ahead, so that
// with nothing in memory each page is waited for alone. Once enough rows were asked for, the whole file
// is read in the background, once, which on most disks takes a small part of that time.
func (db *DB) Scanned(n int) {
	f := db.ahead.f
	if n < scanBatch || f == nil || db.scan.begun.Load() {
		return
	}
	rows := db.scan.rows.Add(int64(n))
	m, err := readMeta(f)
	if err != nil || m.end() > scanMost || rows*scanPerRow < m.end() || db.scan.begun.Swap(true) {
		return
	}
	go func() {
		// The end of the file, or that it was closed, ends it.
		b := make([]byte, min(scanReading, m.end()))
		for off := int64(0); off < m.end(); off += int64(len(b)) {
			if _, err := f.ReadAt(b, off); err != nil {
				return
			}
		}
	}()
}
