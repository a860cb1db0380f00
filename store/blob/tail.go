package blob

import (
	"errors"
	"io"
	"math"
	"os"
)

// loadTail brings the accounts up to date with what was appended since the
// ledger l was written, and opens the pack to append to, if there is one.
func (s *Store) loadTail(l *ledger) error {
	sorted := s.sorted()
	for i, p := range sorted {
		from := int64(fileHeaderSize)
		if p.number < l.Open {
			continue
		} else if p.number == l.Open {
			from = l.Length
		}
		if err := s.readTail(p, from, i == len(sorted)-1); err != nil {
			return err
		}
	}
	return nil
}

// readTail counts the records of p from an offset on. If p is the last pack, it
// removes what no Put completed from its end and makes p the open pack, unless it
// is damaged in a way that speaks against appending.
func (s *Store) readTail(p *pack, from int64, last bool) (rerr error) {
	name := s.packName(p.number)
	last = last && !s.readOnly.Load()
	flag := os.O_RDONLY
	if last {
		flag = os.O_RDWR
	}
	f, err := s.fs.OpenFile(name, flag, 0)
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if keep {
			return
		}
		if err := f.Close(); rerr == nil {
			rerr = err
		}
	}()

	if p.size != from {
		s.unclean = true
	}
	b := make([]byte, min(p.size, fileHeaderSize))
	if n, err := f.ReadAt(b, 0); n < len(b) {
		return err
	}
	h, err := parseFileHeader(b, packMagic)
	if errors.Is(err, ErrVersion) {
		return err
	}
	if err != nil || h.marker != s.marker || h.number != p.number {
		if last && p.size <= fileHeaderSize && from == fileHeaderSize {
			// The process before ended while it made this pack.
			delete(s.packs, p.number)
			return s.fs.Remove(name)
		}
		p.damaged = true
	}
	if p.size < from {
		p.damaged = true
		p.durable = from
		s.log.Error("pack is shorter than what was synced to it", "file", name, "size", p.size, "synced", from)
		return nil
	}

	t, err := s.countTail(p, newWalker(f, s.marker, from, p.size, windowAll))
	if err != nil {
		return err
	}
	size := p.size
	p.size, p.durable = t.end, t.synced
	if t.hole < t.synced {
		p.damaged = true
	}
	switch {
	case !last:
		return nil
	case p.damaged:
		s.log.Error("pack is damaged, it will not be appended to", "file", name)
		return nil
	case t.hole < t.end:
		// A write was interrupted that was done in part. What there is of it was
		// not acknowledged, but it is not for this package to decide that it is
		// lost.
		s.log.Info("pack has an unfinished write, it will not be appended to", "file", name, "offset", t.hole)
		return nil
	}
	if size != from {
		// Cuts off what was not finished, and space reserved for more.
		if t.end < size {
			s.log.Info("removing unfinished write from pack", "file", name, "offset", t.end, "bytes", size-t.end)
		}
		if err := f.Truncate(t.end); err != nil {
			return err
		}
	}
	s.open, s.w, keep = p, f, true
	s.began, s.filled, s.marked = t.end, t.end, t.end
	return nil
}

// tail is what there is from a place that was durable on.
type tail struct {
	end    int64 // Of the last whole record.
	hole   int64 // Where the first thing is that is no whole record.
	synced int64 // Up to here all was durable when the last record was written.
}

// countTail adds up what w comes across in p.
func (s *Store) countTail(p *pack, w *walker) (tail, error) {
	t := tail{end: w.off, hole: math.MaxInt64, synced: w.off}
	for {
		st, err := w.next()
		if errors.Is(err, io.EOF) {
			return t, nil
		} else if err != nil {
			return tail{}, err
		}
		if st.damaged {
			t.hole = min(t.hole, st.off)
			continue
		}
		t.synced = max(t.synced, st.rec.synced)
		if st.rec.kind != kindBlob {
			s.countTombstone(p, &st.rec)
		}
		ok, err := w.verify(st)
		if err != nil {
			return tail{}, err
		}
		if !ok {
			t.hole = min(t.hole, st.off)
			continue
		}
		t.end = st.end
	}
}

// countTombstone adds a tombstone in p to the accounts of p and of the pack that
// it is about.
func (s *Store) countTombstone(p *pack, rec *record) {
	ref, err := ParseRef(rec.meta)
	if err != nil || ref.IsZero() {
		p.dead += rec.size()
		return
	}
	p.addTombstone(ref, rec.size())
	if target := s.packs[ref.number]; target != nil && !ref.file {
		target.dead += ref.record()
	}
}
