package blob

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// Item is a blob to put.
type Item struct {
	// EmailID identifies the email for recovery. It must not be that of a blob
	// with different bytes.
	EmailID int64

	// Meta is what the caller wants to get back from Scan beside the data, at
	// most MaxMeta bytes. The store does not look at it.
	Meta []byte

	// Body has the Size bytes of data. It is read once, from the start.
	Body io.ReaderAt
	Size int64

	// Staged is the result of Stage for this item. EmailID, Meta, Body and Size
	// are not looked at then.
	Staged *Staged
}

func (it *Item) check() error {
	switch {
	case len(it.Meta) > MaxMeta:
		return errors.New("meta is too long")
	case it.Size < 0:
		return errors.New("negative size")
	case it.Body == nil:
		return errors.New("no body")
	}
	return nil
}

// flushSize is how much of a batch is collected before it is written.
const flushSize = 1 << 20

// maxBatch is the most bytes that Put appends at once.
const maxBatch = 1 << 30

// Large tells whether a blob of size bytes gets a file of its own, so that
// calling Stage before Put is worth while.
func (s *Store) Large(size int64) bool { return size > s.threshold }

// Pending is a batch that was written and is being made durable, see Start.
type Pending struct {
	// Refs are the references, one for each item, in order. They are of no use if Wait returns an error.
	Refs []Ref

	done chan struct{}
	err  error // Once done is closed.
}

// Wait returns when the batch is durable, or has failed: then nothing of it was put, as Put says. It may be called
// more than once.
func (p *Pending) Wait() error {
	<-p.done
	return p.err
}

// Put stores a batch of at most 1 GiB and returns a reference for each item, in
// order, when all of them are durable. The caller commits the references to its
// database afterwards, before it puts the next batch; if it cannot, it gives them to
// Delete.
//
// On error nothing of the batch was put, and Staged of its items are still to be
// put or discarded. An *ItemError says which item is at fault; other errors are
// those of the disk. Put can be called again after any of them.
//
// The context is looked at before anything is written, not while it is.
func (s *Store) Put(ctx context.Context, items []Item) ([]Ref, error) {
	p, err := s.Start(ctx, items)
	if err != nil {
		return nil, err
	}
	if err := p.Wait(); err != nil {
		return nil, err
	}
	return p.Refs, nil
}

// Start is Put without its wait: it returns when the batch was read and written, so that its caller can get its
// database ready while the disk makes the batch durable. Nothing that refers to the batch may be committed before Wait
// has returned nil. Other writes to the store wait for that, too.
func (s *Store) Start(ctx context.Context, items []Item) (*Pending, error) {
	var total int64
	for i := range items {
		it := &items[i]
		if it.Staged != nil {
			continue
		}
		if err := it.check(); err != nil {
			return nil, &ItemError{i, err}
		}
		if !s.Large(it.Size) {
			total += recordHeaderSize + int64(len(it.Meta)) + it.Size
		}
	}
	if total > maxBatch {
		return nil, errors.New("blob: batch is too large")
	}
	refs := make([]Ref, len(items))
	var staged []*Staged
	discard := func() {
		for _, st := range staged {
			s.Discard(st)
		}
	}
	for i := range items {
		it := &items[i]
		if it.Staged != nil {
			refs[i] = it.Staged.ref
			continue
		}
		if !s.Large(it.Size) {
			continue
		}
		st, err := s.Stage(ctx, *it)
		if err != nil {
			discard()
			var ierr *ItemError
			if errors.As(err, &ierr) {
				ierr.Index = i
			}
			return nil, err
		}
		staged = append(staged, st)
		refs[i] = st.ref
	}
	if err := ctx.Err(); err != nil {
		discard()
		return nil, err
	}
	p := &Pending{Refs: refs, done: make(chan struct{})}
	if total == 0 {
		close(p.done)
		return p, nil
	}
	fail := func(err error) error {
		discard()
		s.disown(items, refs)
		return err
	}
	// What is appended is synced with s.mu held all the while.
	s.mu.Lock()
	if err := s.putPack(items, refs); err != nil {
		s.mu.Unlock()
		return nil, fail(err)
	}
	go func() {
		defer close(p.done)
		err := s.syncPut(items, refs)
		s.mu.Unlock()
		if err != nil {
			p.err = fail(err)
		}
	}()
	return p, nil
}

// disown notes after a failed Put that what there may be of it on disk is not in
// use. It does what it can: that matters only if the database is lost, too.
func (s *Store) disown(items []Item, refs []Ref) {
	var gone []Deletion
	for i := range items {
		if ref := refs[i]; items[i].Staged == nil && !ref.IsZero() && !ref.file && s.abandoned(ref.number) {
			gone = append(gone, Deletion{items[i].EmailID, ref})
		}
	}
	if err := s.bury(kindDiscard, gone); err != nil {
		s.log.Warn("noting blobs of a failed write", "err", err)
	}
}

// abandoned tells whether a pack is not the open one.
func (s *Store) abandoned(number uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open == nil || s.open.number != number
}

// putPack appends the small items and sets their refs. s.mu is held.
func (s *Store) putPack(items []Item, refs []Ref) error {
	if err := s.prepareOpen(); err != nil {
		return err
	}
	start := s.open.size
	pack := s.open
	undo := func() {
		// Appending that failed may have ended with another pack, or none.
		if s.open == pack && s.open.size > start {
			s.cutOpen(start)
		}
	}
	batch := s.newBatch()
	defer s.batches.Put(batch)
	buf := *batch
	defer func() { *batch = buf[:0] }()
	for i := range items {
		it := &items[i]
		if it.Staged != nil || s.Large(it.Size) {
			continue
		}
		if int64(len(buf))+recordHeaderSize+int64(len(it.Meta))+it.Size > flushSize && len(buf) > 0 {
			if err := s.appendOpen(buf); err != nil {
				undo()
				return err
			}
			buf = buf[:0]
		}
		offset := s.open.size + int64(len(buf))
		var err error
		if buf, refs[i], err = s.appendItem(buf, it, offset); err != nil {
			undo()
			return &ItemError{i, err}
		}
	}
	if err := s.appendOpen(buf); err != nil {
		undo()
		return err
	}
	return nil
}

// syncPut makes durable what putPack appended. s.mu is held.
func (s *Store) syncPut(items []Item, refs []Ref) error {
	if s.open.size-s.open.durable <= smallBatch {
		s.fillAhead()
	}
	if err := s.syncOpen(); err != nil {
		return err
	}
	// Whoever puts the next batch has committed the one before.
	clear(s.undecided)
	for i, ref := range refs {
		if items[i].Staged == nil && !ref.file {
			s.undecided[place{ref.number, ref.offset}] = true
		}
	}
	return nil
}

// newBatch returns an empty buffer, to be put into s.batches after use. The
// garbage collector empties that, so a store without work holds on to little.
func (s *Store) newBatch() *[]byte {
	if b, ok := s.batches.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

// appendItem adds the record of an item to buf, and tells the reference that it
// has at an offset of the open pack.
func (s *Store) appendItem(buf []byte, it *Item, offset int64) ([]byte, Ref, error) {
	rec := record{kind: kindBlob, emailID: it.EmailID, stored: it.Size, plain: it.Size, meta: it.Meta, synced: s.open.durable}
	start := len(buf)
	buf = slices.Grow(buf, int(rec.size()))
	buf = buf[:start+int(rec.size())]
	data := buf[start+int(rec.head()):]
	if err := readFull(it.Body, data, 0); err != nil {
		return buf[:start], Ref{}, fmt.Errorf("reading body: %w", err)
	}
	rec.dataSum = crc32.Checksum(data, castagnoli)
	rec.append(buf[:start], s.marker)
	return buf, rec.ref(s.open.number, offset, false), nil
}

// readFull fills b from r at an offset.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	if len(b) == 0 {
		return nil
	}
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}
