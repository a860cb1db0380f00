package blob

import (
	"context"
	"errors"
)

// Deletion names a blob that is no longer in use.
type Deletion struct {
	EmailID int64
	Ref     Ref
}

// Delete gives up blobs, after the database has given them up. Large ones are
// removed at once, the space of others is counted for compaction. Deletions are
// made durable by the next Put or Close; one that is lost in a crash costs space,
// until compaction asks the database, and the deleted blob may be among what Scan
// finds. Blobs that do not exist are passed over.
//
// A deletion covers all blobs of its email id that were put before its own, too.
//
// Delete does all it can even if there is an error, which is that of the disk;
// calling it again is of no use.
func (s *Store) Delete(ctx context.Context, gone []Deletion) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.bury(kindTombstone, gone)
	for _, d := range gone {
		if d.Ref.file {
			s.handles.drop(d.Ref.number)
			err = errors.Join(err, s.removeFile(d.Ref.number))
		}
	}
	return err
}

// bury appends a tombstone for each deletion and counts it.
func (s *Store) bury(k kind, gone []Deletion) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if len(gone) == 0 {
		return nil
	}
	// Before anything is counted, as this may write down the counts.
	err := s.prepareOpen()
	var buried []Deletion
	for _, d := range gone {
		if d.Ref.IsZero() {
			continue
		}
		if !d.Ref.file {
			target := s.packs[d.Ref.number]
			if target == nil {
				continue
			}
			target.dead += d.Ref.record()
			delete(s.undecided, place{d.Ref.number, d.Ref.offset})
		}
		buried = append(buried, d)
	}
	if len(buried) == 0 {
		return nil
	}
	s.dirty = true
	if err != nil {
		return err
	}
	batch := s.newBatch()
	defer s.batches.Put(batch)
	buf := *batch
	defer func() { *batch = buf[:0] }()
	var meta []byte
	for _, d := range buried {
		meta, _ = d.Ref.AppendBinary(meta[:0])
		rec := record{kind: k, emailID: d.EmailID, meta: meta, synced: s.open.durable}
		buf = rec.append(buf, s.marker)
		s.open.addTombstone(d.Ref, rec.size())
	}
	return s.appendOpen(buf)
}
