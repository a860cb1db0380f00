package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// Record is a blob that Scan found.
type Record struct {
	EmailID int64
	Ref     Ref

	// Meta is that of the Item. It is valid until the function called returns.
	Meta []byte

	// Deleted says that the store was told that the blob is no longer in use.
	Deleted bool

	// Corrupt says that the data is not what was put. EmailID, Ref and Meta are.
	Corrupt bool
}

// Damage is a range of a file in which no record is to be found.
type Damage struct {
	Path   string
	Offset int64
	Length int64
	Err    error // From reading the range, if that failed.
}

// Error implements error.
func (d *Damage) Error() string {
	msg := fmt.Sprintf("blob: %d bytes at %d of %s are damaged", d.Length, d.Offset, d.Path)
	if d.Err != nil {
		msg += ": " + d.Err.Error()
	}
	return msg
}

// Unwrap returns ErrCorrupt and the cause.
func (d *Damage) Unwrap() []error { return []error{ErrCorrupt, d.Err} }

// Scan calls found for each blob in the store in the order of their places, large
// ones last, and damaged for what is damaged. It stops at the first error from
// one of these and returns it. Blobs put after Scan began may be missing.
//
// There may be several blobs with one email id, when a crash came between a copy
// and the removal of the original: they have the same bytes.
//
// Scan is how an index is rebuilt that was lost. It reads all headers, then
// everything. Compact waits while Scan is under way, so neither function may call
// it.
func (s *Store) Scan(ctx context.Context, found func(Record) error, damaged func(*Damage) error) error {
	s.compactMu.Lock()
	defer s.compactMu.Unlock()
	packs := s.Packs()
	g := graves{upTo: map[int64]place{}, exact: map[place]bool{}}
	synced := make([]int64, len(packs))
	for i, p := range packs {
		var err error
		if synced[i], err = s.findGraves(ctx, p, g); err != nil {
			return err
		}
	}
	for i, p := range packs {
		sc := scanned{path: p.Path, number: p.Number, end: scanEnd(p), window: windowAll, salvage: true}
		err := s.scanFile(ctx, sc, g, found, func(d *Damage) error {
			if d.Offset >= max(synced[i], p.durable) && d.Offset > 0 {
				return nil // A write that was never finished.
			}
			return damaged(d)
		})
		if err != nil {
			return err
		}
	}
	numbers, err := s.listFiles()
	if err != nil {
		return err
	}
	for _, number := range numbers {
		err := s.scanFile(ctx, scanned{path: s.fileName(number), number: number, large: true, end: -1, window: windowAll, salvage: true}, g, found, damaged)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// scanEnd returns where scanning a pack ends, -1 for where its file does.
func scanEnd(p PackInfo) int64 {
	if p.Sealed {
		return -1
	}
	return p.Size
}

// listFiles returns the numbers of large files, in order.
func (s *Store) listFiles() ([]uint32, error) {
	entries, err := s.fs.ReadDir(s.filesDir())
	if s.readOnly.Load() && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var numbers []uint32
	for _, e := range entries {
		if number, ok := parseName(e.Name(), fileSuffix); ok {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// place is where a record is, in the order in which records were written.
type place struct {
	number uint32
	offset uint32
}

func (p place) after(o place) bool {
	return p.number > o.number || p.number == o.number && p.offset > o.offset
}

// graves is what the tombstones say.
type graves struct {
	upTo  map[int64]place // By email id, up to which place it is deleted.
	exact map[place]bool  // Discarded records.
}

func (g graves) add(rec *record) {
	ref, err := ParseRef(rec.meta)
	if err != nil || ref.IsZero() {
		return
	}
	at := place{ref.number, ref.offset}
	if rec.kind == kindDiscard {
		g.exact[at] = true
	} else if at.after(g.upTo[rec.emailID]) {
		g.upTo[rec.emailID] = at
	}
}

func (g graves) has(emailID int64, at place) bool {
	upTo, ok := g.upTo[emailID]
	return ok && !at.after(upTo) || g.exact[at]
}

// findGraves collects the tombstones of a pack, and tells up to where the pack was
// durable at some time.
func (s *Store) findGraves(ctx context.Context, p PackInfo, g graves) (synced int64, err error) {
	sc := scanned{path: p.Path, number: p.Number, end: scanEnd(p), window: windowHeaders, salvage: true}
	err = s.walkFile(ctx, sc, func(w *walker, st step) error {
		if st.damaged {
			return nil
		}
		synced = max(synced, st.rec.synced)
		if st.rec.kind == kindTombstone || st.rec.kind == kindDiscard {
			g.add(&st.rec)
		}
		return nil
	})
	return synced, err
}

// scanned is a file to walk through.
type scanned struct {
	path   string
	number uint32
	large  bool
	end    int64 // -1 for the end of the file.

	window  int
	salvage bool
}

// walkFile calls fn for each record and damage of a file.
func (s *Store) walkFile(ctx context.Context, sc scanned, fn func(*walker, step) error) error {
	f, err := s.fs.OpenFile(sc.path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if sc.end < 0 {
		if sc.end, err = f.Size(); err != nil {
			return err
		}
	}
	w := newWalker(f, s.marker, fileHeaderSize, sc.end, sc.window)
	w.salvage = sc.salvage
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		st, err := w.next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := fn(w, st); err != nil {
			return err
		}
	}
}

// scanFile calls found and damaged for what is in a file.
func (s *Store) scanFile(ctx context.Context, sc scanned, g graves, found func(Record) error, damaged func(*Damage) error) error {
	magic := packMagic
	if sc.large {
		magic = largeMagic
	}
	h, err := s.readFileHeader(sc.path, magic)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrVersion) {
		return err
	}
	if err != nil || h.marker != s.marker || h.number != sc.number {
		if err := damaged(&Damage{Path: sc.path, Length: fileHeaderSize, Err: err}); err != nil {
			return err
		}
	}
	var meta []byte
	return s.walkFile(ctx, sc, func(w *walker, st step) error {
		if st.damaged {
			return damaged(&Damage{Path: sc.path, Offset: st.off, Length: st.end - st.off, Err: st.err})
		}
		if st.rec.kind != kindBlob {
			return nil
		}
		meta = append(meta[:0], st.rec.meta...)
		r := Record{EmailID: st.rec.emailID, Ref: st.rec.ref(sc.number, st.off, sc.large), Meta: meta}
		r.Deleted = g.has(r.EmailID, place{r.Ref.number, r.Ref.offset})
		ok, err := w.verify(st)
		if err != nil {
			return err
		}
		r.Corrupt = !ok
		return found(r)
	})
}
