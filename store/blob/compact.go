package blob

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"syscall"
	"time"
)

// Policy says what Compact is to do.
type Policy struct {
	// MinLive is the share of a pack that must be in use for it to stay as it
	// is. Default DefaultMinLive.
	MinLive float64

	// BytesPerSecond bounds how fast packs are read. Default no bound.
	BytesPerSecond int64

	// Force compacts each pack in which anything is not in use, also the open
	// one, and asks the database about all of them instead of relying on what
	// was told to Delete.
	Force bool

	// Progress, if set, is called now and then with how many bytes of packs were
	// looked at and how many there are.
	Progress func(done, total int64)
}

// DefaultMinLive is the default of Policy.MinLive.
const DefaultMinLive = 2.0 / 3

// Move is a blob that was copied to a new place.
type Move struct {
	EmailID  int64
	Old, New Ref
}

// Moved commits new places to the database: of each email whose reference is Old,
// it becomes New. Others are left alone. When it returns nil, that is durable. On
// error none may be changed.
type Moved func(ctx context.Context, moves []Move) error

// Compacted says what Compact did.
type Compacted struct {
	Packs int   // Removed.
	Moved int   // Blobs copied.
	Freed int64 // Bytes that disk use went down by.
}

// moveSize is about how much is copied before the database is asked, and so how
// long a Put may have to wait.
const moveSize = 512 << 10

// Compact rewrites packs of which too little is in use, and removes them. It may
// be interrupted at any point, by its context, an error or a crash: then each
// blob is where the database says, and the next call goes on. Only one call works
// at a time, others wait.
//
// A pack with damage is not removed, as what was lost in it is not known. What can
// be copied from it is; Compact goes on with other packs and returns the damage
// at the end.
func (s *Store) Compact(ctx context.Context, policy Policy, live Live, moved Moved) (Compacted, error) {
	s.compactMu.Lock()
	defer s.compactMu.Unlock()
	if s.readOnly.Load() {
		return Compacted{}, ErrReadOnly
	}
	if policy.MinLive == 0 {
		policy.MinLive = DefaultMinLive
	}
	c := compaction{s: s, live: live, moved: moved, report: policy.Progress, pace: pace{rate: policy.BytesPerSecond}}
	// Large files that are missing now are missing for good.
	if err := s.fs.SyncDir(s.filesDir()); err != nil {
		return Compacted{}, err
	}
	var failed error
	if policy.Force {
		if err := c.sealOpen(ctx); isFull(err) {
			failed = err
		} else if err != nil {
			return c.done, err
		}
	}
	packs := s.Packs()
	for _, p := range packs {
		c.total += p.Size
	}
	for _, p := range packs {
		c.progress()
		before := c.looked
		wanted, err := c.wanted(ctx, p, policy)
		if err != nil {
			return c.done, err
		}
		if wanted {
			err = c.rewrite(ctx, p)
		}
		c.looked = before + p.Size
		if errors.Is(err, ErrCorrupt) || isFull(err) {
			// Others may be rewritten, or have nothing left that takes space.
			failed = errors.Join(failed, err)
		} else if err != nil {
			return c.done, err
		}
	}
	c.progress()
	return c.done, errors.Join(failed, s.flush())
}

// isFull reports whether an error says that there is no space left.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// compaction is one run of Compact.
type compaction struct {
	s     *Store
	live  Live
	moved Moved
	pace  pace
	done  Compacted

	report        func(done, total int64)
	looked, total int64

	// What is to be moved next.
	raw   []byte // Records, one after another.
	batch []candidate
	out   []byte // Those of raw that are needed.

	lost []error // Damage in the pack.

	// hold is set if the pack has blobs that the database may yet come to know.
	hold bool
}

// candidate is a record in compaction.raw.
type candidate struct {
	Located
	start, end int
	head       int
	tomb       bool // A tombstone, about Ref.
}

// progress tells how much was looked at.
func (c *compaction) progress() {
	if c.report != nil {
		c.report(c.looked, c.total)
	}
}

// undecided tells whether the database may yet come to know a blob.
func (c *compaction) undecided(ref Ref) bool {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.undecided[place{ref.number, ref.offset}]
}

// sealOpen seals the open pack if anything in it is of no use.
func (c *compaction) sealOpen(ctx context.Context) error {
	for _, p := range c.s.Packs() {
		if p.Sealed {
			continue
		}
		if dead, err := c.anyDead(ctx, p); err != nil || !dead {
			return err
		}
		return c.s.seal(p.Number)
	}
	return nil
}

// wanted tells whether a pack is to be rewritten.
func (c *compaction) wanted(ctx context.Context, p PackInfo, policy Policy) (bool, error) {
	switch {
	case !p.Sealed:
		// Also if it is sealed meanwhile: Size is not the last word then.
		return false, nil
	case policy.Force:
		return c.anyDead(ctx, p)
	case p.Damaged:
		// It will not do better than before.
		return false, nil
	}
	return float64(p.Size-p.Dead) < policy.MinLive*float64(p.Size), nil
}

var errEnough = errors.New("enough")

// anyDead tells whether anything in a pack is of no use.
func (c *compaction) anyDead(ctx context.Context, p PackInfo) (bool, error) {
	var blobs []Located
	ask := func() error {
		used, err := c.live.ask(ctx, blobs)
		for i, u := range used {
			if !u && !c.undecided(blobs[i].Ref) {
				err = errEnough
			}
		}
		blobs = blobs[:0]
		return err
	}
	err := c.s.walkFile(ctx, scanned{path: p.Path, number: p.Number, end: p.Size, window: windowHeaders}, func(w *walker, st step) error {
		if st.damaged {
			return nil
		}
		if st.rec.kind != kindBlob {
			needed, err := c.needed(&st.rec, p.Number)
			if err == nil && !needed && st.rec.kind != kindSeal {
				err = errEnough
			}
			return err
		}
		blobs = append(blobs, Located{st.rec.emailID, st.rec.ref(p.Number, st.off, false)})
		if len(blobs) < 1000 {
			return nil
		}
		return ask()
	})
	if err == nil {
		err = ask()
	}
	if errors.Is(err, errEnough) {
		return true, nil
	}
	return false, err
}

// needed tells whether a tombstone in a pack that is going to be removed is about
// something that may still be found.
func (c *compaction) needed(rec *record, from uint32) (bool, error) {
	ref, err := ParseRef(rec.meta)
	if err != nil || rec.kind == kindSeal || ref.IsZero() || ref.number == from && !ref.file {
		return false, nil
	}
	if ref.file {
		_, err := c.s.fs.Stat(c.s.fileName(ref.number))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return true, err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.packs[ref.number] != nil, nil
}

// rewrite copies what is needed of a sealed pack to the open one and removes it.
func (c *compaction) rewrite(ctx context.Context, p PackInfo) error {
	var gaps []*Damage
	synced := p.durable
	c.raw, c.batch, c.lost, c.hold = c.raw[:0], c.batch[:0], nil, false
	err := c.s.walkFile(ctx, scanned{path: p.Path, number: p.Number, end: p.Size, window: windowAll}, func(w *walker, st step) error {
		if err := c.pace.wait(ctx, st.end-st.off); err != nil {
			return err
		}
		if st.damaged {
			gaps = append(gaps, &Damage{Path: p.Path, Offset: st.off, Length: st.end - st.off})
			return nil
		}
		synced = max(synced, st.rec.synced)
		c.looked += st.end - st.off
		if err := c.collect(w, st, p.Number); err != nil || len(c.raw) < moveSize {
			return err
		}
		c.progress()
		return c.move(ctx, p)
	})
	if err == nil {
		err = c.move(ctx, p)
	}
	for _, gap := range gaps {
		// What was never durable is a write that was not finished.
		if gap.Offset < synced {
			c.lost = append(c.lost, gap)
		}
	}
	if len(c.lost) > 0 {
		c.s.setDamaged(p.Number)
		err = errors.Join(append(c.lost, err)...)
	}
	if err != nil || c.hold {
		return err
	}
	if removed, err := c.s.removePack(p.Number); err != nil || !removed {
		return err
	}
	c.done.Packs++
	c.done.Freed += p.Size
	return nil
}

// collect adds a record to those that may be moved.
func (c *compaction) collect(w *walker, st step, number uint32) error {
	cand := candidate{start: len(c.raw), head: int(st.rec.head())}
	if st.rec.kind == kindBlob {
		cand.Located = Located{st.rec.emailID, st.rec.ref(number, st.off, false)}
	} else {
		needed, err := c.needed(&st.rec, number)
		if err != nil || !needed {
			return err
		}
		if cand.Ref, err = ParseRef(st.rec.meta); err != nil {
			return err
		}
		cand.tomb = true
	}
	raw, err := w.peek(st.off, int(st.end-st.off))
	if err != nil {
		return err
	}
	c.raw = append(c.raw, raw...)
	cand.end = len(c.raw)
	c.batch = append(c.batch, cand)
	return nil
}

// move copies what is needed of the batch, and lets the database know.
func (c *compaction) move(ctx context.Context, p PackInfo) error {
	var blobs []Located
	for _, cand := range c.batch {
		if !cand.tomb {
			blobs = append(blobs, cand.Located)
		}
	}
	used, err := c.live.ask(ctx, blobs)
	if err != nil {
		return err
	}
	keep := c.batch[:0]
	i := -1
	for _, cand := range c.batch {
		if !cand.tomb {
			if i++; !used[i] {
				c.hold = c.hold || c.undecided(cand.Ref)
				continue
			}
			if !intact(c.raw[cand.start:cand.end], c.s.marker) {
				c.lost = append(c.lost, &Damage{Path: p.Path, Offset: int64(cand.Ref.offset), Length: cand.Ref.record()})
				continue
			}
		}
		keep = append(keep, cand)
	}
	moves, err := c.copy(keep)
	c.raw, c.batch = c.raw[:0], c.batch[:0]
	if err != nil {
		return errors.Join(err, c.discard(moves))
	}
	if len(moves) == 0 {
		return nil
	}
	return c.commit(ctx, moves)
}

// intact tells whether raw is a whole record.
func intact(raw []byte, m marker) bool {
	rec, err := parseRecord(raw, m)
	return err == nil && rec.size() == int64(len(raw)) && crc32.Checksum(raw[rec.head():], castagnoli) == rec.dataSum
}

// copy appends records to the open pack, durable, and returns the moves of the
// blobs among them, also on error.
func (c *compaction) copy(keep []candidate) ([]Move, error) {
	if len(keep) == 0 {
		return nil, nil
	}
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.prepareOpen(); err != nil {
		return nil, err
	}
	var moves []Move
	c.out = c.out[:0]
	for _, cand := range keep {
		if !cand.tomb {
			ref := cand.Ref
			ref.number, ref.offset = s.open.number, uint32(s.open.size)+uint32(len(c.out))
			moves = append(moves, Move{cand.EmailID, cand.Ref, ref})
		}
		start := len(c.out)
		c.out = append(c.out, c.raw[cand.start:cand.end]...)
		setSynced(c.out[start:start+cand.head], s.open.durable)
	}
	if err := s.appendOpen(c.out); err != nil {
		return moves, err
	}
	for _, cand := range keep {
		if cand.tomb {
			s.open.addTombstone(cand.Ref, int64(cand.end-cand.start))
		}
	}
	return moves, s.syncOpen()
}

// commit lets the database switch to the copies, and gives up those that it did
// not switch to.
func (c *compaction) commit(ctx context.Context, moves []Move) error {
	err := c.moved(ctx, moves)
	// Ask what came of it also when the time is up.
	ctx = context.WithoutCancel(ctx)
	blobs := make([]Located, 0, 2*len(moves))
	for _, m := range moves {
		blobs = append(blobs, Located{m.EmailID, m.New}, Located{m.EmailID, m.Old})
	}
	used, lerr := c.live.ask(ctx, blobs)
	if lerr != nil {
		return errors.Join(err, lerr)
	}
	var unused []Move
	for i, m := range moves {
		if !used[2*i] {
			unused = append(unused, m)
			if used[2*i+1] && err == nil {
				err = fmt.Errorf("blob: database still has email %d at its old place, %v", m.EmailID, m.Old)
			}
			continue
		}
		c.done.Moved++
		c.done.Freed -= m.New.record()
	}
	return errors.Join(err, c.discard(unused))
}

// discard notes that copies are not in use.
func (c *compaction) discard(moves []Move) error {
	var gone []Deletion
	for _, m := range moves {
		gone = append(gone, Deletion{m.EmailID, m.New})
	}
	return c.s.bury(kindDiscard, gone)
}

// setDamaged notes that something of a pack is lost.
func (s *Store) setDamaged(number uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.packs[number]; p != nil {
		p.damaged = true
	}
}

// seal ends appending to a pack if it is the open one.
func (s *Store) seal(number uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.open == nil || s.open.number != number {
		return nil
	}
	return s.nextPack()
}

// removePack removes a sealed pack of which nothing is needed any more. Writers do
// not wait for that. If a snapshot has the pack, it stays for a later compaction.
func (s *Store) removePack(number uint32) (removed bool, rerr error) {
	s.holdMu.Lock()
	defer s.holdMu.Unlock()
	if s.holds.count > 0 {
		return false, nil
	}
	if err := s.fs.Remove(s.packName(number)); err != nil {
		return false, err
	}
	s.mu.Lock()
	delete(s.packs, number)
	s.dirty = true
	s.mu.Unlock()
	s.handles.drop(number)
	return true, s.fs.SyncDir(s.dir)
}

// flush makes all that was appended durable and writes the ledger.
func (s *Store) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if !s.dirty {
		return nil
	}
	if err := s.syncOpen(); err != nil {
		return err
	}
	s.tryCheckpoint()
	return nil
}

// pace spreads work over time.
type pace struct {
	rate int64 // Bytes per second, 0 for no bound.
	next time.Time
}

// wait waits until n more bytes may be worked on.
func (p *pace) wait(ctx context.Context, n int64) error {
	if p.rate <= 0 {
		return ctx.Err()
	}
	now := time.Now()
	wait := p.next.Sub(now)
	if wait < 0 {
		wait, p.next = 0, now
	}
	p.next = p.next.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
	if wait == 0 {
		return ctx.Err()
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
