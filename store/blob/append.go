package blob

import (
	"errors"
	"fmt"
	"os"
)

// checkpointInterval is how much is appended to a pack before the ledger is
// written, and so about how much has to be read after a crash.
const checkpointInterval = 8 << 20

// maxAhead is the most zeros that are written behind the end of the open pack. Where a file has blocks already, fdatasync
// writes them and is done; where it has to get them, or they were reserved and never written, it takes a commit
// of the file system's journal, and twice as long.
const maxAhead = 512 << 10

// smallBatch is up to what size a batch is worth zeros behind it: of a large one the writing costs more.
const smallBatch = 64 << 10

// prepareOpen makes sure that there is an open pack with room. s.mu is held.
func (s *Store) prepareOpen() error {
	if s.closed {
		return ErrClosed
	}
	if s.readOnly.Load() {
		return ErrReadOnly
	}
	if s.open != nil && s.open.size < s.maxPack {
		return nil
	}
	return s.nextPack()
}

// nextPack makes a new pack the open one. The one before stays open if that
// fails. s.mu is held.
func (s *Store) nextPack() (rerr error) {
	number, err := s.number()
	if err != nil {
		return err
	}
	name := s.packName(number)
	f, err := s.fs.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if rerr != nil {
			f.Close()
			s.tryRemove(name)
		}
	}()
	h := fileHeader{magic: packMagic, version: formatVersion, number: number, marker: s.marker}
	if _, err := f.WriteAt(h.append(nil), 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := s.fs.SyncDir(s.dir); err != nil {
		return err
	}
	if old := s.open; old != nil {
		if err := s.endOpen(); err != nil {
			s.log.Error("sealing pack", "file", s.packName(old.number), "err", err)
		}
	}
	p := &pack{number: number, size: fileHeaderSize, durable: fileHeaderSize, tombs: map[uint32]int64{}}
	s.packs[number] = p
	s.open, s.w = p, f
	s.began, s.filled, s.unsynced = p.size, p.size, false
	s.tryCheckpoint()
	return nil
}

// endOpen ends appending to the open pack for good. s.mu is held.
func (s *Store) endOpen() error {
	err := s.syncOpen()
	if s.w == nil {
		return err
	}
	rec := record{kind: kindSeal, synced: s.open.durable}
	if aerr := s.appendOpen(rec.append(nil, s.marker)); err == nil {
		err = aerr
	}
	if s.w == nil {
		return err
	}
	if rerr := s.releaseOpen(); err == nil {
		err = rerr
	}
	return err
}

// releaseOpen makes all of the open pack durable, gives back the space filled
// for more, and closes its file. s.mu is held.
func (s *Store) releaseOpen() error {
	var err error
	if s.filled > s.open.size {
		err = s.w.Truncate(s.open.size)
	}
	if s.unsynced {
		if serr := s.w.Datasync(); serr == nil {
			s.open.durable = s.open.size
		} else if err == nil {
			err = serr
		}
		s.unsynced = false
	}
	if cerr := s.w.Close(); err == nil {
		err = cerr
	}
	s.w = nil
	return err
}

// abandon ends appending to the open pack after an error that leaves unknown what
// of it is on disk. s.mu is held.
func (s *Store) abandon() {
	s.log.Warn("not appending to pack any more after an error", "file", s.packName(s.open.number))
	s.w.Close()
	s.open, s.w, s.unsynced = nil, nil, false
	s.dirty = true
}

// tryCheckpoint writes the ledger. Failing is no harm but for the time that
// opening takes after a crash. s.mu is held.
func (s *Store) tryCheckpoint() {
	if err := s.checkpoint(false); err != nil {
		s.log.Error("writing ledger of packs", "file", s.ledgerName(), "err", err)
		return
	}
	s.dirty = false
	if s.open != nil {
		s.marked = s.open.size
	}
}

// appendOpen writes b, whole records, to the end of the open pack, in memory and
// not yet durable. On error nothing of b counts as written. s.mu is held and
// prepareOpen was called.
func (s *Store) appendOpen(b []byte) error {
	start := s.open.size
	s.dirty = true
	if n, err := s.w.WriteAt(b, start); err != nil || n < len(b) {
		if err == nil {
			err = errors.New("short write")
		}
		s.cutOpen(start)
		return fmt.Errorf("blob: writing to pack: %w", err)
	}
	s.open.size += int64(len(b))
	s.unsynced = true
	return nil
}

// fillAhead writes zeros behind the end of the open pack if there are none, as many as were appended since it was opened,
// so that packs with little to do take no space for it. If there is no room for them, appends go on without.
// s.mu is held.
func (s *Store) fillAhead() {
	if s.open.size <= s.filled {
		return
	}
	s.filled = s.open.size
	zeros := s.newCopy()
	defer s.copies.Put(zeros)
	clear(zeros[:])
	for end := s.open.size + min(s.open.size-s.began, maxAhead); s.filled < end; {
		n, err := s.w.WriteAt(zeros[:min(copySize, end-s.filled)], s.filled)
		s.filled += int64(n)
		if err != nil {
			s.cutOpen(s.open.size)
			return
		}
	}
}

// cutOpen removes what was written behind size. s.mu is held.
func (s *Store) cutOpen(size int64) {
	s.filled, s.open.size = size, size
	if err := s.w.Truncate(size); err != nil {
		s.abandon()
	}
}

// syncOpen makes the open pack durable. s.mu is held.
func (s *Store) syncOpen() error {
	if s.w == nil || !s.unsynced {
		return nil
	}
	if err := s.w.Datasync(); err != nil {
		// The system may have dropped the pages it could not write and take
		// them for clean now, so trying again would tell nothing.
		s.abandon()
		return fmt.Errorf("blob: syncing pack: %w", err)
	}
	s.unsynced = false
	s.open.durable = s.open.size
	if s.open.size-s.marked >= s.interval {
		s.tryCheckpoint()
	}
	return nil
}

// tryRemove removes a file that does no harm if it stays.
func (s *Store) tryRemove(name string) {
	if err := s.fs.Remove(name); err != nil {
		s.log.Warn("removing unneeded file", "file", name, "err", err)
	}
}
