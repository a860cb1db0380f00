package blob

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"mox/internal/vfs"
)

// numberBlock is how many numbers are set aside in the ledger at once, so that
// using one costs no sync. Those left over when the store closes are given back.
const numberBlock = 64

// ledger is the content of the file of that name: what could otherwise be known
// only by reading all packs. It may be older than the packs, never newer.
type ledger struct {
	Version int    `json:"version"`
	Marker  string `json:"marker"`
	Next    uint32 `json:"next"` // No number from here on was ever used.

	// Clean is set while the store is closed in good order.
	Clean bool `json:"clean"`

	// All packs below Open are counted in Packs, and Open itself up to Length,
	// where a record ends. Open need not exist.
	Open   uint32 `json:"open"`
	Length int64  `json:"length"`

	Packs []ledgerPack `json:"packs,omitempty"`
}

// ledgerPack is the account of a pack.
type ledgerPack struct {
	Number uint32           `json:"number"`
	Size   int64            `json:"size"`
	Gap    int64            `json:"gap,omitempty"` // Bytes before Size not known to have been durable.
	Dead   int64            `json:"dead,omitempty"`
	Tombs  map[uint32]int64 `json:"tombs,omitempty"`

	Damaged bool `json:"damaged,omitempty"`
}

const ledgerMagic = "moxledger"

// errLedger says that there is a ledger that cannot be used. It can be done
// without.
var errLedger = errors.New("damaged ledger")

func (l *ledger) encode() ([]byte, error) {
	body, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	b := fmt.Appendf(nil, "%s %08x\n", ledgerMagic, crc32.Checksum(body, castagnoli))
	b = append(b, body...)
	return append(b, '\n'), nil
}

// parseLedger reads what encode wrote. It returns ErrVersion for that of a newer
// version, errLedger for what is no ledger.
func parseLedger(b []byte) (*ledger, error) {
	head, body, ok := bytes.Cut(b, []byte("\n"))
	body, ended := bytes.CutSuffix(body, []byte("\n"))
	if !ok || !ended || string(head) != fmt.Sprintf("%s %08x", ledgerMagic, crc32.Checksum(body, castagnoli)) {
		return nil, errLedger
	}
	var l ledger
	if err := json.Unmarshal(body, &l); err != nil {
		return nil, errLedger
	}
	if l.Version > formatVersion {
		return nil, ErrVersion
	}
	var m marker
	if n, err := hex.Decode(m[:], []byte(l.Marker)); err != nil || n != len(m) || l.Length < fileHeaderSize || l.Next == 0 {
		return nil, errLedger
	}
	return &l, nil
}

func (s *Store) ledgerName() string { return filepath.Join(s.dir, "ledger") }

// readLedger returns the ledger of the store, nil if there is none that can be
// used.
func (s *Store) readLedger() (*ledger, error) {
	b, err := vfs.ReadFile(s.fs, s.ledgerName())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	l, err := parseLedger(b)
	if errors.Is(err, errLedger) {
		s.log.Warn("ledger of packs is damaged, doing without", "file", s.ledgerName())
		return nil, nil
	}
	return l, err
}

// writeLedger makes l the durable ledger.
func (s *Store) writeLedger(l *ledger) error {
	b, err := l.encode()
	if err != nil {
		return err
	}
	tmp := filepath.Join(s.dir, "tmp", "ledger")
	err = writeFileSync(s.fs, tmp, b)
	if err == nil {
		err = s.fs.Rename(tmp, s.ledgerName())
	}
	if err != nil {
		// Where there is no space it must not take some.
		if rerr := s.fs.Remove(tmp); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
		return err
	}
	return s.fs.SyncDir(s.dir)
}

// number sets aside the next number. It is never used again, also if the caller
// does nothing with it.
func (s *Store) number() (uint32, error) {
	s.ledgerMu.Lock()
	defer s.ledgerMu.Unlock()
	if s.final {
		return 0, ErrClosed
	}
	if s.readOnly.Load() {
		return 0, ErrReadOnly
	}
	if s.next >= s.reserved {
		if s.next > math.MaxUint32-numberBlock {
			return 0, errors.New("blob: all numbers for packs and files are used")
		}
		l := s.ledger
		l.Next = s.next + numberBlock
		l.Clean = false
		if err := s.writeLedger(&l); err != nil {
			return 0, err
		}
		s.ledger = l
		s.reserved = l.Next
	}
	n := s.next
	s.next++
	return n, nil
}

// checkpoint writes what is counted now to the ledger. The open pack has to be
// durable up to its end. s.mu is held.
func (s *Store) checkpoint(clean bool) error {
	s.ledgerMu.Lock()
	defer s.ledgerMu.Unlock()
	l := ledger{
		Version: formatVersion,
		Marker:  hex.EncodeToString(s.marker[:]),
		Next:    max(s.next, s.reserved),
		Clean:   clean,
		Open:    s.next,
		Length:  fileHeaderSize,
	}
	if clean {
		l.Next = s.next
	}
	if s.open != nil {
		l.Open, l.Length = s.open.number, s.open.size
	}
	for _, p := range s.sorted() {
		s.settle(p)
		l.Packs = append(l.Packs, ledgerPack{
			Number:  p.number,
			Size:    p.size,
			Gap:     max(p.size-p.durable, 0),
			Dead:    p.dead,
			Tombs:   p.tombs,
			Damaged: p.damaged,
		})
	}
	if err := s.writeLedger(&l); err != nil {
		return err
	}
	// The maps go on changing, the ledger may be written again from number.
	for i := range l.Packs {
		l.Packs[i].Tombs = cloneTombs(l.Packs[i].Tombs)
	}
	s.ledger = l
	s.reserved = l.Next
	return nil
}

func writeFileSync(fsys vfs.FS, name string, b []byte) error {
	f, err := fsys.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(b, 0); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
